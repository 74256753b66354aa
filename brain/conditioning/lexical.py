"""Finds texts by the words that they share with a query: exact BM25, kept in memory. No vectors and no disk here."""

from __future__ import annotations

import math
import re
from array import array
from collections import Counter
from typing import Final, final

import numpy as np
from numpy.typing import NDArray

SATURATION: Final = 1.2
LENGTH_SHARE: Final = 0.75

_WORD: Final = re.compile(r"\w{1,64}")


@final
class WordIndex:
    """Texts by row, found by their words. One writer at a time; the caller locks.

    Source: Robertson and Zaragoza 2009, "The Probabilistic Relevance Framework: BM25 and Beyond"; plurals are joined
    with their singulars as in Harman 1991, "How effective is suffixing?" (the S stemmer).
    """

    def __init__(self) -> None:
        self._rows: dict[str, array[int]] = {}
        self._counts: dict[str, array[int]] = {}
        self._lengths = array("I")

    def __len__(self) -> int:
        """How many texts there are."""
        return len(self._lengths)

    def add(self, text: str) -> None:
        """Put ``text`` behind the others, as the next row. Cost: a few microseconds a word, 8 bytes a different one."""
        found = Counter(words(text))
        row = len(self._lengths)
        for word, count in found.items():
            self._rows.setdefault(word, array("I")).append(row)
            self._counts.setdefault(word, array("I")).append(count)
        self._lengths.append(sum(found.values()))

    def scores(self, query: str) -> NDArray[np.float32]:
        """What each row is worth [rows], 0 where it shares no word. Cost: the rows that hold a word of the query."""
        scores = np.zeros(len(self._lengths), np.float32)
        lengths = np.array(self._lengths, np.float32)
        mean = float(lengths.mean()) if len(lengths) else 1.0
        for word in words(query):
            if word not in self._rows:
                continue
            rows = np.array(self._rows[word], np.intp)
            counts = np.array(self._counts[word], np.float32)
            rarity = math.log(1 + (len(scores) - len(rows) + 0.5) / (len(rows) + 0.5))
            slowed = counts + SATURATION * (1 - LENGTH_SHARE + LENGTH_SHARE * lengths[rows] / max(mean, 1.0))
            scores[rows] += np.float32(rarity * (SATURATION + 1)) * counts / slowed
        return scores


def words(text: str) -> list[str]:
    """The words of a text, without case and without the s of an English plural."""
    return [_singular(word) for word in _WORD.findall(text.casefold())]


def _singular(word: str) -> str:
    if len(word) < 4 or not word.endswith("s"):
        return word
    if word.endswith("ies") and word[-4] not in "ae":
        return word[:-3] + "y"
    if word.endswith("es") and word[-3] not in "aeo":
        return word[:-1]
    return word if word.endswith(("us", "ss")) else word[:-1]
