"""What the user wants kept: remembered on disk before it is acknowledged, recalled by nearness. No model here."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, final

from brain.base.clock import Clock
from brain.base.errors import Conflict
from brain.base.reports import Memory
from brain.conditioning.embedding import Embedder
from brain.conditioning.fused import POOL, FusedRows
from brain.native.search import flat_top_k
from brain.native.storage import Memory as Kept
from brain.native.storage import Store

PREFIX: Final = "memories/"


def open_store(folder: Path, embedder: Embedder) -> Store:
    """The store of memories in ``folder``, made when it is not there, for this embedder alone.

    Raises: Conflict when another embedder made it or another process writes to it; CorruptData, StorageFailed.
    """
    try:
        return Store.open(folder, embedder.name, embedder.width)
    except Conflict as error:
        raise Conflict(
            error.message,
            hint=error.hint
            or f"this aios embeds with {embedder.name} ({embedder.width}); move {folder.name} away and remember anew",
        ) from error


@final
class Memories:
    """Texts kept and found again. Safe to use from several threads; writers at the same time share one sync.

    Vectors are in memory as the store's snapshot, so what was remembered can be recalled by the next call.
    """

    def __init__(
        self,
        store: Store,
        embedder: Embedder,
        clock: Clock,
        folder: Path,
        new_id: Callable[[], bytes] = lambda: secrets.token_bytes(16),
    ) -> None:
        self._store = store
        self._fused = FusedRows(store)
        self._embedder = embedder
        self._clock = clock
        self._folder = folder
        self._new_id = new_id

    def __len__(self) -> int:
        """How many memories there are."""
        return len(self._store)

    def disk_bytes(self) -> int:
        """The bytes of all files of the store."""
        with os.scandir(self._folder) as found:
            return sum(entry.stat().st_size for entry in found if entry.is_file())

    def remember(self, texts: Sequence[tuple[str, str]]) -> list[str]:
        """Keep (text, source) pairs, all or none, and give their names once they are on disk.

        Raises: StorageFailed, ResourceExhausted.
        """
        vectors = self._embedder.embed([text for text, _ in texts])
        now_s = self._clock.wall_s()
        kept = [
            Kept(self._new_id(), text, vector, now_s, source)
            for (text, source), vector in zip(texts, vectors, strict=True)
        ]
        self._store.append(kept)
        return [PREFIX + one.id.hex() for one in kept]

    def recall(self, query: str, limit: int) -> list[Memory]:
        """The ``limit`` memories that answer ``query`` best, by nearness and shared words; fewer when there are fewer.

        Cost: one exact scan of all vectors, and the rows that share a word (``fused.py``).
        """
        vectors = self._store.vectors()
        if not len(vectors) or limit < 1:
            return []
        query_vector = self._embedder.embed([query])[0]
        rows, scores = flat_top_k(query_vector, vectors, min(max(limit, POOL), len(vectors)))
        rows, scores = self._fused.order(query, query_vector, rows, scores, limit)
        return [self._told(int(row), float(score)) for row, score in zip(rows, scores, strict=True)]

    def close(self) -> None:
        """Give the store back; nothing can be remembered or recalled after."""
        self._store.close()

    def _told(self, row: int, similarity: float) -> Memory:
        kept = self._store.row(row)
        return Memory(PREFIX + kept.id.hex(), kept.text, kept.source, kept.created_unix_s, similarity)
