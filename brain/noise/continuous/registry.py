"""The time grids by name, and a grid that a caller wrote out. It makes no choice of one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

import numpy as np

from brain.base.errors import InvalidInput
from brain.noise.continuous.cosine import CosineGrid
from brain.noise.continuous.grid import MOST_STEPS, TimeGrid, Times
from brain.noise.continuous.logit_normal import LogitNormal
from brain.noise.continuous.shifted import Shifted
from brain.noise.continuous.uniform import Uniform

TIME_GRIDS: Final[Mapping[str, TimeGrid]] = MappingProxyType(
    {one.name: one for one in (Uniform(), LogitNormal(), CosineGrid(), Shifted())}
)


def grid(name: str) -> TimeGrid:
    """The grid of that name; InvalidInput when there is none. Grids keep no state, so one serves all."""
    if name not in TIME_GRIDS:
        raise InvalidInput(f"no time grid {name!r}", hint=f"one of {', '.join(TIME_GRIDS)}", field="flow.grid")
    return TIME_GRIDS[name]


def custom(times: Sequence[float], begin: float = 1.0) -> Times:
    """A grid that is given time by time, from 1 down to 0, pressed together so that it starts at ``begin``.

    Raises: InvalidInput unless it has 2 … ``MOST_STEPS`` + 1 times that strictly fall from 1 to 0.
    """
    found = np.array(times, dtype=np.float64)
    if not 2 <= len(found) <= MOST_STEPS + 1 or found[0] != 1 or found[-1] != 0 or not bool((np.diff(found) < 0).all()):
        hint = f"1, then falling times, then 0; at most {MOST_STEPS + 1} of them"
        raise InvalidInput(f"{len(found)} times are no grid", hint=hint, field="flow.times")
    if not 0 < begin <= 1:
        raise InvalidInput(f"a flow that begins at {begin}", hint="above 0, at most 1", field="begin")
    return found * begin
