"""The log-linear masking law: total noise -ln(alpha) such that the masked share is linear, never quite all of it."""

from __future__ import annotations

import math
from typing import final

from brain.noise.schedule import Schedule, checked_time


@final
class LogLinear(Schedule):
    """alpha(t) = 1 - (1 - END) t: a place in a thousand stays clean at t = 1, so that -ln(alpha) is finite."""

    name = "log-linear"
    source = "Lou et al. 2023, arXiv:2310.16834 (SEDD, log-linear noise)"

    def alpha(self, t: float) -> float:
        """1 - (1 - END) t."""
        return 1.0 - (1.0 - self.END) * checked_time(t)

    def rate(self, t: float) -> float:
        """1 / t, as for the linear law."""
        return 1.0 / t if checked_time(t) else math.inf
