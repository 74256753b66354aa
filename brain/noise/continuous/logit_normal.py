"""The logit-normal time grid: steps lie where training looked most often, in the middle of the way."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Final, final

from brain.noise.continuous.grid import TimeGrid, checked_share

_NORMAL: Final = NormalDist()


@final
class LogitNormal(TimeGrid):
    """The quantiles of sigmoid(z), z standard normal: the law from which training draws most of its times."""

    name = "logit-normal"
    source = "Esser et al. 2024, arXiv:2403.03206, 3.1 (the density; its quantiles as a grid)"

    def place(self, share: float) -> float:
        """sigmoid of the normal quantile of ``share``; 0 and 1 stay themselves."""
        if checked_share(share) in {0.0, 1.0}:
            return share
        return 1 / (1 + math.exp(-_NORMAL.inv_cdf(share)))
