"""Texts to vectors, for finding memories by what they say: the contract, and features that need no model.

Nothing is searched or stored here.
"""

from __future__ import annotations

import hashlib
import re
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import ClassVar, Final, final

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]


class Embedder(ABC):
    """Turns texts into vectors whose cosine says how near they are. Safe to use from several threads.

    ``name`` changes whenever the same text would get another vector: a store keeps the name, and vectors of two
    embedders are never compared.
    """

    name: ClassVar[str]
    width: ClassVar[int]

    @abstractmethod
    def embed(self, texts: Sequence[str]) -> Vectors:
        """Vectors [n, width] of length 1, or 0 for a text without a letter or digit. No chance in them."""


@final
class HashedWords(Embedder):
    """Words and their letter groups, hashed with a sign into ``width`` places; counts enter by their logarithm.

    Source: feature hashing with signs, Weinberger et al. 2009, arXiv:0902.2206.
    """

    name = "hashed-words-1"
    width = 512

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Vectors [n, 512]. Cost: about 10 microseconds a word the first time it is met in a text."""
        vectors = np.zeros((len(texts), self.width), np.float64)
        for row, text in enumerate(texts):
            for feature, weight in _features(text):
                digest = int.from_bytes(hashlib.blake2b(feature.encode(), digest_size=8).digest(), "little")
                vectors[row, digest % self.width] += weight if digest >> 63 else -weight
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        return np.asarray(vectors / np.where(lengths > 0, lengths, 1.0), np.float32)


_WORD: Final = re.compile(r"\w+")


def _features(text: str) -> Iterator[tuple[str, float]]:
    for word, count in Counter(_WORD.findall(text.casefold())).items():
        yield f"w {word}", 1.0 + float(np.log(count))
