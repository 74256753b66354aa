"""The discrete samplers by name: the one list of them. It makes no choice (that is ``policy.py``)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from brain.base.errors import InvalidInput
from brain.sampling.contract import DiscreteSampler
from brain.sampling.discrete.block import Block
from brain.sampling.discrete.fill import Fill
from brain.sampling.discrete.next_token import NextToken
from brain.sampling.discrete.speculate import Speculate

SAMPLERS: Final[Mapping[str, DiscreteSampler]] = MappingProxyType(
    {one.name: one for one in (NextToken(), Speculate(), Block(), Fill())}
)


def sampler(way: str) -> DiscreteSampler:
    """The sampler of that name; InvalidInput when there is none. Samplers keep no state, so one serves all."""
    if way not in SAMPLERS:
        raise InvalidInput(f"no way to decode {way!r}", hint=f"one of {', '.join(SAMPLERS)}", field="settings.way")
    return SAMPLERS[way]
