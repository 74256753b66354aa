"""The continuous samplers by name: the one list of them. It makes no choice."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from brain.base.errors import InvalidInput
from brain.sampling.continuous.ab2 import AdamsBashforth2
from brain.sampling.continuous.contract import ContinuousSampler
from brain.sampling.continuous.dpm_solver_pp_2m import DpmSolverPlusPlus2M
from brain.sampling.continuous.euler import Euler
from brain.sampling.continuous.heun import Heun
from brain.sampling.continuous.midpoint import Midpoint
from brain.sampling.continuous.sde import EulerMaruyama

FLOWS: Final[Mapping[str, ContinuousSampler]] = MappingProxyType(
    {one.name: one for one in (Euler(), Heun(), Midpoint(), AdamsBashforth2(), DpmSolverPlusPlus2M(), EulerMaruyama())}
)


def flow(name: str) -> ContinuousSampler:
    """The sampler of that name; InvalidInput when there is none. Samplers keep no state, so one serves all."""
    if name not in FLOWS:
        raise InvalidInput(f"no way to follow a flow {name!r}", hint=f"one of {', '.join(FLOWS)}", field="flow.sampler")
    return FLOWS[name]
