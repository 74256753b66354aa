"""How the learning rate follows progress: warm-up, constant, 1 - sqrt cool-down. Knows neither steps nor clocks."""

from __future__ import annotations

import math
from typing import Final

from brain.base.errors import InvalidInput

WARM_UP: Final = 0.02
COOL_DOWN: Final = 0.45
LEAST: Final = 0.02


def rate_factor(progress: float) -> float:
    """The share of the full learning rate at ``progress``, 0 at the start of a run to 1 at its end.

    Rises over the first 2 %, stays at 1, falls by 1 - sqrt over the last 45 % to .02; never 0, so that every step
    moves. Raises: InvalidInput outside of 0..1. Source: Hägele et al. 2024, arXiv:2405.18392 (1 - sqrt cool-down).
    """
    if not 0.0 <= progress <= 1.0:
        raise InvalidInput(f"progress is {progress}; it runs from 0 to 1", field="progress")
    if progress < WARM_UP:
        return max(progress / WARM_UP, LEAST)
    if progress < 1.0 - COOL_DOWN:
        return 1.0
    fallen = 1.0 - math.sqrt((progress - (1.0 - COOL_DOWN)) / COOL_DOWN)
    return LEAST + (1.0 - LEAST) * max(0.0, fallen)
