"""Texts to vectors, for finding memories by what they say: the contract, and features that need no model.

Nothing is searched or stored here. Why no model: the weighted mean of the shipped network's own embeddings finds
clearly less than these features do, on Cranfield and on STS (``tests/bench/memory.py`` prints the figures).
"""

from __future__ import annotations

import hashlib
import math
import re
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from typing import Final, final

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]

WIDTH: Final = 1024
GRAM_LENGTHS: Final = (3, 4, 5)
GRAM_SHARE: Final = 0.7
"""What a word's letter groups of one length weigh together, beside 1 for the word itself."""

RARE: Final = 6e-4
"""A word of this probability weighs half (smooth inverse frequency, Arora et al. 2017)."""

_WORD_LIMIT: Final = 64
_WORD: Final = re.compile(rf"\w{{1,{_WORD_LIMIT}}}")
_WORDS_KEPT: Final = 16_384

_COMMON: Final = """
the of and to a in i that is it he was his for as with you by not be but which have we at had this on from or
are they my all were one an him me said there so their if no who will her what been when has them would more she
can then your some other us do man our into time very only out two these than upon may any up could now first
its about well see years such like great should must how most over after before know same did much life made day
men little where good people world might here come many being way say even am long new still those down without
himself use came also make own between again shall never through three old yet hand think under each since go
found last every nothing just another let while back take left place part too against both things why work right
far though tell because find once get went away having true number set per does took give always off case whole
end seen called however cannot few small during something point whom different thing ever half large look quite
least matter four given done already among less next better rather used year until within above want whose
whether towards along near need behind following across show around using beyond below follow besides doing
beside etc shows shown toward onto via
"""
"""English words that say little, the most frequent first, as counted in books of the public domain; others weigh 1."""

_RANK: Final = {word: rank for rank, word in enumerate(_COMMON.split())}


class Embedder(ABC):
    """Turns texts into vectors whose cosine says how near they are. Safe to use from several threads.

    ``name`` changes whenever the same text would get another vector: a store keeps the name, and vectors of two
    embedders are never compared.
    """

    name: str
    width: int

    @abstractmethod
    def embed(self, texts: Sequence[str]) -> Vectors:
        """Vectors [n, width] of length 1, or 0 for a text without a letter or digit. No chance in them."""


@final
class HashedWords(Embedder):
    """Words and their letter groups, hashed with a sign into 1024 places.

    A word counts by one plus the logarithm of how often it stands in the text, less the more common it is in English;
    letter groups let "memory" find "memories" and forgive a slip of the pen.
    Source: feature hashing with signs, Weinberger et al. 2009, arXiv:0902.2206; frequencies of words by their rank,
    Zipf's law.
    """

    name = "hashed-words-1"
    width = WIDTH

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Vectors [n, 1024]. Cost: about a microsecond a word; 30 for one that was not met lately."""
        vectors = np.zeros((len(texts), self.width), np.float64)
        for vector, text in zip(vectors, texts, strict=True):
            for word, count in Counter(_WORD.findall(text.casefold())).items():
                places, values = _features(word)
                np.add.at(vector, places, values * (1 + math.log(count)))
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        return np.asarray(vectors / np.where(lengths > 0, lengths, 1.0), np.float32)


@lru_cache(_WORDS_KEPT)
def _features(word: str) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """A word's places and what it adds there."""
    weighed = [("w " + word, 1.0)]
    marked = f"<{word}>"
    for length in GRAM_LENGTHS:
        grams = [marked[i : i + length] for i in range(len(marked) - length + 1)] if len(marked) > length else []
        weighed += [("g " + gram, GRAM_SHARE / math.sqrt(len(grams))) for gram in grams]
    digests = [int.from_bytes(hashlib.blake2b(f.encode(), digest_size=8).digest(), "little") for f, _ in weighed]
    signs = np.array([1.0 if digest >> 63 else -1.0 for digest in digests])
    places = np.array([digest % WIDTH for digest in digests], np.int64)
    return places, signs * np.array([weight for _, weight in weighed]) * _weight(word)


def _weight(word: str) -> float:
    rank = _RANK.get(word)
    return 1.0 if rank is None else RARE / (RARE + 0.1 / (rank + 2))
