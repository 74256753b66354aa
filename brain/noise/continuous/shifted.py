"""The shifted time grid: more of the steps at high noise, by one factor."""

from __future__ import annotations

from typing import Final, final

from brain.noise.continuous.grid import TimeGrid, checked_share

SHIFT: Final = 3.0
"""The factor that its authors found best for large pictures."""


@final
class Shifted(TimeGrid):
    """t = f share / (1 + (f - 1) share) with f = ``SHIFT``."""

    name = "shifted"
    source = "Esser et al. 2024, arXiv:2403.03206, 5.3.2 (resolution-dependent shift of the timestep)"

    def place(self, share: float) -> float:
        """The shifted share."""
        return SHIFT * checked_share(share) / (1 + (SHIFT - 1) * share)
