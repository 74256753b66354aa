"""The orders in which masked places open: which of them a step takes, given what a pass says of each. No sampler."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, final

import numpy as np
from numpy.typing import NDArray

from brain.backends.body import Floats
from brain.base.errors import InvalidInput

Places = NDArray[np.intp]


@final
@dataclass(frozen=True)
class Look:
    """What a pass says of the masked places, from left to right, all [n].

    ``log_prob`` of its choice, ``entropy`` and ``margin`` are those of ``Proposal``. ``count``, 1..n, is how many the
    masking law opens at this step; ``entropy_bound`` is in nats.
    """

    log_prob: Floats
    entropy: Floats
    margin: Floats
    count: int
    entropy_bound: float


Order = Callable[[Look, np.random.Generator], Places]
"""Picks indices into the masked places, at least ``count``; ties go to the left. Chance: the generator alone."""


def confidence(look: Look, chance: np.random.Generator) -> Places:
    """The likeliest choices first. Source: Chang et al. 2022, arXiv:2202.04200 (MaskGIT)."""
    return np.argsort(-look.log_prob, kind="stable")[: look.count]


def margin(look: Look, chance: np.random.Generator) -> Places:
    """Where the first token leads the second by most. Source: Kim et al. 2025, arXiv:2502.06768."""
    return np.argsort(-look.margin, kind="stable")[: look.count]


def entropy_bound(look: Look, chance: np.random.Generator) -> Places:
    """The surest places while the entropies of all but the largest sum to at most the bound, or the law's count.

    The sum bounds what is lost by choosing the places apart from each other, so a sure block opens at once and an
    unsure one place by place; the law's count keeps it within its steps.
    Source: Ben-Hamu et al. 2025, arXiv:2505.24857 (EB-Sampler).
    """
    ranked = np.argsort(look.entropy, kind="stable")
    sums = np.cumsum(look.entropy[ranked].astype(np.float64))
    within = int(np.count_nonzero(sums - look.entropy[ranked] <= look.entropy_bound))
    return ranked[: max(within, look.count)]


def random(look: Look, chance: np.random.Generator) -> Places:
    """Any places; one a step gives the law of the any-order model. Source: Uria et al. 2014, arXiv:1310.1757."""
    return chance.permutation(len(look.log_prob))[: look.count]


def left_to_right(look: Look, chance: np.random.Generator) -> Places:
    """As one reads."""
    return np.arange(look.count)


ORDERS: Final[Mapping[str, Order]] = MappingProxyType(
    {
        "confidence": confidence,
        "margin": margin,
        "entropy-bound": entropy_bound,
        "random": random,
        "left-to-right": left_to_right,
    }
)


def order(name: str) -> Order:
    """The order of that name; InvalidInput when there is none."""
    if name not in ORDERS:
        raise InvalidInput(f"no order {name!r}", hint=f"one of {', '.join(ORDERS)}", field="settings.order")
    return ORDERS[name]
