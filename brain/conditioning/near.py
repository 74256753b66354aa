"""The rows of a store nearest to a query: exact while they are few, through codes when they are many. Keeps no texts.

The codes are derived from the store and never trusted over it: hits are scored by the store's own vectors, and codes
that are not of its rows are made anew. They lie in a file beside the store, so that the first query does not wait.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Final, final

import numpy as np
from numpy.typing import NDArray

from brain.base.errors import CorruptData, StorageFailed
from brain.native.search import Quantised, flat_top_k
from brain.native.storage import Snapshot

FILE: Final = "near.codes"
FEW: Final = 2_000
"""Rows below which scoring each takes a millisecond at most, so that no codes are kept."""

_MAGIC: Final = b"aios-near/1\0\0\0\0\0"
_ID: Final = 16

Rows = NDArray[np.int64]
Scores = NDArray[np.float32]


@final
class NearRows:
    """Finds rows of one store's snapshots. Safe to use from several threads, which take turns.

    Codes belong to the store while the row that was their last still has the same id: a store only appends, and what
    is taken out of it moves every later row.
    """

    def __init__(self, folder: Path, few: int = FEW) -> None:
        self._path = folder / FILE
        self._few = few
        self._lock = threading.Lock()
        self._codes: Quantised | None = None
        self._last = b""
        self._saved = 0

    def nearest(self, held: Snapshot, query: NDArray[np.float32], limit: int) -> tuple[Rows, Scores]:
        """The ``limit`` rows of ``held`` with the greatest cosine to ``query`` [width], nearest first.

        Fewer when there are fewer.

        Cost: few rows are scored one by one; of many, a scan of one bit a number and the best of them. New rows
        are encoded first: about 10 microseconds each, all of them when the file is missing, stale or corrupt.
        """
        with self._lock:
            vectors = held.vectors()
            limit = min(limit, len(vectors))
            if len(vectors) < self._few:
                return flat_top_k(query, vectors, limit)
            return self._of(held, vectors).top_k(query, vectors, limit)

    def save(self) -> None:
        """Write the codes beside the store when rows were added since."""
        with self._lock:
            if self._codes is not None and len(self._codes) > self._saved:
                self._write(self._codes)

    @contextlib.contextmanager
    def dropped(self) -> Iterator[None]:
        """Forget the codes, in memory and on disk, and make none until the block ends.

        For whoever takes memories out of the store: codes tell of vectors, so they go first and come back only of what
        is left. Raises StorageFailed when the file cannot be taken away; the block is then not entered.
        """
        with self._lock:
            self._codes, self._last, self._saved = None, b"", 0
            try:
                self._path.unlink(missing_ok=True)
            except OSError as error:
                raise StorageFailed(
                    f"{self._path.name}: {error.strerror}", errno=error.errno, filename=str(self._path)
                ) from error
            yield

    def _of(self, held: Snapshot, vectors: NDArray[np.float32]) -> Quantised:
        """The codes of exactly these rows."""
        codes = self._read(vectors.shape[1]) if self._codes is None else self._codes
        if codes is not None and not self._fits(codes, held):
            codes = None
            self._path.unlink(missing_ok=True)
        if codes is None:
            codes, self._saved = Quantised.build(vectors), 0
        elif len(codes) < len(vectors):
            codes.append(vectors[len(codes) :])
        self._codes, self._last = codes, held.row(len(codes) - 1).id
        if len(codes) > self._saved + self._saved // 4:
            self._write(codes)
        return codes

    def _fits(self, codes: Quantised, held: Snapshot) -> bool:
        return 0 < len(codes) <= len(held) and held.row(len(codes) - 1).id == self._last

    def _read(self, width: int) -> Quantised | None:
        """The codes of the file, or none where there is no sound one."""
        try:
            data = self._path.read_bytes()
            codes = Quantised.from_bytes(data[len(_MAGIC) + _ID :])
        except (OSError, CorruptData):
            return None
        if not data.startswith(_MAGIC) or (codes.width, codes.metric, codes.removed) != (width, "cosine", 0):
            return None
        self._last, self._saved = data[len(_MAGIC) : len(_MAGIC) + _ID], len(codes)
        return codes

    def _write(self, codes: Quantised) -> None:
        """Replace the file. It is not synced: what a crash leaves of it has another checksum and is made anew.

        A disk that refuses it (full, read-only) refuses no query: the next start makes the codes anew.
        """
        self._saved = len(codes)
        draft = self._path.with_suffix(".draft")
        with contextlib.suppress(OSError):
            draft.write_bytes(_MAGIC + self._last + codes.to_bytes())
            draft.replace(self._path)
