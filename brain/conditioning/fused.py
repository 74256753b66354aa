"""Nearness and shared words together: which rows of a store answer a query. It keeps an index of words, no vectors.

The index is made of the store's texts in memory and never trusted over it: rows that were taken out make it anew.
"""

from __future__ import annotations

import threading
from typing import Final, final

import numpy as np
from numpy.typing import NDArray

from brain.conditioning.lexical import WordIndex
from brain.native.storage import Snapshot

POOL: Final = 50
"""Rows that each of the two ways proposes."""

WORDS_SHARE: Final = 0.75
"""What the best match of words is worth beside a cosine of 1; from .5 to 1 the figures hardly change."""

Rows = NDArray[np.int64]
Scores = NDArray[np.float32]


@final
class FusedRows:
    """Orders rows of a store's snapshots by cosine plus their share of the best BM25.

    Safe to use from several threads, which take turns.

    Both ways miss what the other finds: ``tests/bench/embedding.py`` prints each alone and this.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._words = WordIndex()
        self._last = b""

    def order(
        self, held: Snapshot, query: str, vector: NDArray[np.float32], nearest: tuple[Rows, Scores], limit: int
    ) -> tuple[Rows, Scores]:
        """At most ``limit`` rows of ``held``, best first, and their cosines.

        ``nearest`` are rows of it and their cosines, found by ``vector``, the query's own.

        Cost: the rows that share a word with the query. The first call reads every text of the store (about 50
        microseconds each), a later one those that are new.
        """
        rows, near = nearest
        with self._lock:
            vectors = held.vectors()
            self._catch_up(held)
            scores = self._words.scores(query)[: len(vectors)]
        best = float(scores.max(initial=0.0))
        if best <= 0:
            return rows[:limit], near[:limit]
        count = min(POOL, int((scores > 0).sum()))
        shared = np.argpartition(-scores, count - 1)[:count].astype(np.int64)
        more = np.setdiff1d(shared, rows)
        all_rows = np.concatenate([rows, more])
        cosines = np.concatenate([near, _cosines(vectors[more], vector)])
        order = np.argsort(-(cosines + WORDS_SHARE * scores[all_rows] / best), kind="stable")[:limit]
        return all_rows[order], cosines[order]

    def _catch_up(self, held: Snapshot) -> None:
        known = len(self._words)
        if known > len(held) or (known and held.row(known - 1).id != self._last):
            self._words, known = WordIndex(), 0
        for row in range(known, len(held)):
            kept = held.row(row)
            self._words.add(kept.text)
            self._last = kept.id


def _cosines(vectors: NDArray[np.float32], query: NDArray[np.float32]) -> Scores:
    lengths = np.linalg.norm(vectors, axis=1) * np.linalg.norm(query)
    return np.asarray(vectors @ query / np.where(lengths > 0, lengths, 1.0), np.float32)
