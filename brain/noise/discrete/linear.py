"""The linear masking law: equally many places open at every step."""

from __future__ import annotations

import math
from typing import final

from brain.noise.schedule import Schedule, checked_time


@final
class Linear(Schedule):
    """alpha(t) = 1 - t: the share of masked places is the time itself."""

    name = "linear"
    source = "Austin et al. 2021, arXiv:2107.03006 (absorbing state, mutual-information schedule)"

    def alpha(self, t: float) -> float:
        """1 - t."""
        return 1.0 - checked_time(t)

    def rate(self, t: float) -> float:
        """1 / t."""
        return 1.0 / t if checked_time(t) else math.inf
