"""The noise of sampling in NumPy: the plain truth that the native body's noise is held to. It chooses nothing.

Noise is a pure function of (seed, absolute place, token): whoever asks again gets the same, so two passes that agree on
a distribution agree on the sample.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

_STEP: Final = np.uint64(0x9E37_79B9_7F4A_7C15)
_FIRST: Final = np.uint64(0xBF58_476D_1CE4_E5B9)
_SECOND: Final = np.uint64(0x94D0_49BB_1331_11EB)
_WORD: Final = (1 << 64) - 1


def _mixed(z: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The finaliser of splitmix64 (Steele, Lea and Flood 2014, "Fast splittable pseudorandom number generators")."""
    z = (z ^ (z >> np.uint64(30))) * _FIRST
    z = (z ^ (z >> np.uint64(27))) * _SECOND
    return z ^ (z >> np.uint64(31))


def uniforms(seed: int, place: int, tokens: NDArray[np.integer]) -> NDArray[np.float64]:
    """One of 2^53 equally likely midpoints of (0, 1) a token, [n] float64; ``seed`` and ``place`` count modulo 2^64."""
    begin = np.array([(seed + int(_STEP)) & _WORD], dtype=np.uint64)
    key = _mixed(_mixed(begin) + np.uint64((place * int(_STEP)) & _WORD))
    bits = _mixed(key + (tokens.astype(np.uint64) + np.uint64(1)) * _STEP) >> np.uint64(11)
    return (bits.astype(np.float64) + 0.5) * 2.0**-53


def gumbel(seed: int, place: int, tokens: NDArray[np.integer]) -> NDArray[np.float64]:
    """Standard Gumbel noise -ln(-ln u) a token, [n] float64, where 1 - u is that token's ``uniforms``.

    float64 because float32 noise lowers the temperature unseen (Zheng et al. 2024, arXiv:2409.02908).
    """
    waits: NDArray[np.float64] = -np.log1p(-uniforms(seed, place, tokens))
    return -np.log(waits)
