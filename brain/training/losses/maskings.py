"""Chooses which tokens are masked, for both objectives, in NumPy: the same draws whatever computes the loss."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, final

import numpy as np
from numpy.typing import NDArray

from brain.base.errors import InvalidInput

SPAN_SHARE: Final = 0.6
SHORTEST_SPAN: Final = 4
PREFIX_SHARES: Final = (0.0, 1 / 8, 3 / 8, 5 / 8, 7 / 8)
"""Where a canvas of infilling may begin, as shares of the window; few, since a GPU compiles a mask for each."""


@final
@dataclass(frozen=True)
class Masking:
    """Which places of texts [B, L] are masked, and how much each weighs in the loss (0 where not; all sum to 1)."""

    masked: NDArray[np.bool_]
    weights: NDArray[np.float32]


def pair_masking(texts: int, length: int, block: int, random: np.random.Generator) -> Masking:
    """In every block of ``block`` places, mask k of the n = block - 1 after its first, k uniform in 1..n.

    The first place, the anchor, is never masked. Weights: the mean over a block's masked places, then over all
    blocks; that is the any-order bound on the log-likelihood of a block after its anchor, over n.
    Source: Uria et al. 2014, arXiv:1310.1757; Hoogeboom et al. 2022, arXiv:2110.02037.
    Raises: InvalidInput when blocks do not fill the length.
    """
    if block < 2 or length % block:
        raise InvalidInput(f"a length of {length} has no blocks of {block}", field="block")
    blocks = length // block
    many = random.integers(1, block, (texts, blocks, 1))
    order = random.random((texts, blocks, block - 1)).argsort(-1).argsort(-1)
    masked = np.zeros((texts, blocks, block), dtype=np.bool_)
    masked[:, :, 1:] = order < many
    weights = masked / (many * blocks * texts)
    return Masking(masked.reshape(texts, length), weights.reshape(texts, length).astype(np.float32))


def fill_masking(texts: int, length: int, prefix: int, random: np.random.Generator) -> Masking:
    """Mask places of the canvas from ``prefix`` on, never its first: 60 % one span, 40 % scattered places.

    A span's length is log-uniform from 4 to half of the canvas; scattered places are k of n, k uniform in 1..n.
    Weights: the mean over a text's masked places, then over texts. Raises InvalidInput for a canvas below 2 places.
    """
    places = length - prefix - 1
    if prefix < 0 or places < 1:
        raise InvalidInput(f"a canvas from {prefix} on in {length} places has nothing to mask", field="prefix")
    scattered = random.random((texts, places)).argsort(-1).argsort(-1) < random.integers(1, places + 1, (texts, 1))
    shortest = min(SHORTEST_SPAN, places)
    longest = max(shortest, places // 2)
    sizes = np.exp(random.uniform(math.log(shortest), math.log(longest + 1), (texts, 1))).astype(np.int64)
    sizes = np.clip(sizes, shortest, longest)
    starts = (random.random((texts, 1)) * (places - sizes + 1)).astype(np.int64)
    index = np.arange(places)
    spans = (index >= starts) & (index < starts + sizes)
    masked = np.zeros((texts, length), dtype=np.bool_)
    masked[:, prefix + 1 :] = np.where(random.random((texts, 1)) < SPAN_SHARE, spans, scattered)
    weights = masked / (masked.sum(-1, keepdims=True) * texts)
    return Masking(masked, weights.astype(np.float32))


def fill_prefixes(length: int) -> tuple[int, ...]:
    """The lengths of prefix that infilling may have in a window of ``length``."""
    return tuple(sorted({min(int(share * length), length - 2) for share in PREFIX_SHARES}))
