"""What the user wants kept: remembered on disk before it is acknowledged, recalled by nearness, forgotten for good."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, final

from brain.base.clock import Clock
from brain.base.errors import Conflict, InvalidInput
from brain.base.reports import Memory, MemoryStats
from brain.conditioning.embedding import Embedder
from brain.conditioning.fused import POOL, FusedRows
from brain.conditioning.near import NearRows
from brain.native.storage import Memory as Kept
from brain.native.storage import Store

PREFIX: Final = "memories/"
ID_BYTES: Final = 16
FORMS: Final = {".parquet": "parquet", ".arrow": "arrow", ".arrows": "arrow"}
"""How a file of memories ends, and its format."""


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
        self._near = NearRows(folder)
        self._fused = FusedRows()
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

        Cost: of few memories one exact scan, of many a scan of their codes (``near.py``), and the rows that share a
        word (``fused.py``); nothing is read from disk but the texts that are returned.
        """
        held = self._store.snapshot()
        if not len(held) or limit < 1:
            return []
        vector = self._embedder.embed([query])[0]
        nearest = self._near.nearest(held, vector, max(limit, POOL))
        rows, scores = self._fused.order(held, query, vector, nearest, limit)
        return [_told(held.row(int(row)), float(score)) for row, score in zip(rows, scores, strict=True)]

    def forget(self, names: Sequence[str]) -> int:
        """Forget memories, all or none; gives how many once none of their bytes is in a file of the store.

        Raises: InvalidInput for what is no name, NotFound, StorageFailed.
        """
        with self._near.dropped():
            return self._store.forget([_id(name) for name in names], now=True)

    def forget_all(self) -> int:
        """Forget everything that is there when it is called; gives how much that was. As ``forget``."""
        with self._near.dropped():
            return self._store.forget(self._store.ids(), now=True)

    def export(self, path: Path) -> int:
        """Write all memories to a new file, Parquet or an Arrow stream as its ending says; gives how many.

        Raises: InvalidInput for another ending, Conflict when the file is there, StorageFailed.
        """
        return self._store.export(path, _form(path))

    def take(self, path: Path) -> int:
        """Keep all memories of a file that ``export`` wrote, or none; gives how many, once they are on disk.

        Raises: CorruptData, Conflict for one that is there already or for vectors of another embedder, StorageFailed.
        """
        return self._store.import_(path)

    def stats(self) -> MemoryStats:
        """How many memories there are and what they take."""
        return MemoryStats(len(self), self.disk_bytes(), self._embedder.name, self._embedder.width)

    def close(self) -> None:
        """Give the store back; nothing can be remembered or recalled after."""
        self._near.save()
        self._store.close()


def _told(kept: Kept, similarity: float) -> Memory:
    return Memory(PREFIX + kept.id.hex(), kept.text, kept.source, kept.created_unix_s, similarity)


def _id(name: str) -> bytes:
    try:
        found = bytes.fromhex(name.removeprefix(PREFIX))
    except ValueError:
        found = b""
    if len(found) != ID_BYTES:
        raise InvalidInput(f"{name!r} names no memory", hint="as in memories/ and 32 hexadecimal digits", field="names")
    return found


def _form(path: Path) -> str:
    form = FORMS.get(path.suffix)
    if form is None:
        raise InvalidInput(f"{path.name!r} ends in no format", hint=f"one of {', '.join(FORMS)}", field="path")
    return form
