"""The cosine masking law: few places open in the first steps, when little is known, and many in the last."""

from __future__ import annotations

import math
from typing import final

from brain.noise.schedule import Schedule, checked_time


@final
class Cosine(Schedule):
    """alpha(t) = 1 - cos(pi/2 (1 - t)): the masked share falls as a cosine of the way that is done."""

    name = "cosine"
    source = "Chang et al. 2022, arXiv:2202.04200 (MaskGIT)"

    def alpha(self, t: float) -> float:
        """1 - cos(pi/2 (1 - t))."""
        return 1.0 - math.cos(math.pi / 2 * (1.0 - checked_time(t)))

    def rate(self, t: float) -> float:
        """pi/2 tan(pi/2 (1 - t))."""
        return math.pi / 2 * math.tan(math.pi / 2 * (1.0 - t)) if checked_time(t) else math.inf
