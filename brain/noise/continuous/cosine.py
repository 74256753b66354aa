"""The cosine time grid: short steps near noise, where the canvas takes its form, and long ones near data."""

from __future__ import annotations

import math
from typing import final

from brain.noise.continuous.grid import TimeGrid, checked_share


@final
class CosineGrid(TimeGrid):
    """t = sin(pi/2 share): the steps nearest to noise are the shortest."""

    name = "cosine"
    source = "Chen et al. 2024, arXiv:2410.06885 (sway sampling at its coefficient -1; their time runs the other way)"

    def place(self, share: float) -> float:
        """sin(pi/2 share)."""
        return math.sin(math.pi / 2 * checked_share(share))
