"""The uniform time grid: all steps are equally long."""

from __future__ import annotations

from typing import final

from brain.noise.continuous.grid import TimeGrid, checked_share


@final
class Uniform(TimeGrid):
    """t = share."""

    name = "uniform"
    source = "Liu et al. 2022, arXiv:2209.03003 (rectified flow, N equal Euler steps)"

    def place(self, share: float) -> float:
        """The share itself."""
        return checked_share(share)
