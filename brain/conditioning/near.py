"""The rows of a store nearest to a query: exact while they are few, through codes when they are many. Keeps no texts.

The codes are derived from the store and never trusted over it: hits are scored by the store's own vectors, and codes
that are not of its rows are made anew. They lie in a file beside the store, so that the first query does not wait.
"""

from __future__ import annotations

import contextlib
import threading
from pathlib import Path
from typing import Final, final

import numpy as np
from numpy.typing import NDArray

from brain.base.errors import CorruptData
from brain.native.search import Quantised, flat_top_k
from brain.native.storage import Store

FILE: Final = "near.codes"
FEW: Final = 2_000
"""Rows below which scoring each takes a millisecond at most, so that no codes are kept."""

_MAGIC: Final = b"aios-near/1\0\0\0\0\0"
_ID: Final = 16

Rows = NDArray[np.int64]
Scores = NDArray[np.float32]


@final
class NearRows:
    """Finds rows of one store. Safe to use from several threads, which take turns.

    Codes belong to the store while the row that was their last still has the same id: a store only appends, and what
    is taken out of it moves every later row.
    """

    def __init__(self, store: Store, folder: Path, few: int = FEW) -> None:
        self._store = store
        self._path = folder / FILE
        self._few = few
        self._lock = threading.Lock()
        self._codes: Quantised | None = None
        self._last = b""
        self._saved = 0

    def nearest(self, query: NDArray[np.float32], limit: int) -> tuple[Rows, Scores]:
        """The ``limit`` rows with the greatest cosine to ``query`` [width], nearest first; fewer when there are fewer.

        Cost: few rows are scored one by one; of many, a scan of one bit a number and the best of them. New rows
        are encoded first: about 10 microseconds each, all of them when the file is missing, stale or corrupt.
        """
        with self._lock:
            vectors = self._store.vectors()
            limit = min(limit, len(vectors))
            if len(vectors) < self._few:
                return flat_top_k(query, vectors, limit)
            return self._of(vectors).top_k(query, vectors, limit)

    def save(self) -> None:
        """Write the codes beside the store when rows were added since."""
        with self._lock:
            if self._codes is not None and len(self._codes) > self._saved:
                self._write(self._codes)

    def drop(self) -> None:
        """Forget the codes, in memory and on disk: for whoever takes memories out of the store."""
        with self._lock:
            self._codes, self._last, self._saved = None, b"", 0
            self._path.unlink(missing_ok=True)

    def _of(self, vectors: NDArray[np.float32]) -> Quantised:
        """The codes of exactly these rows."""
        codes = self._read(vectors.shape[1]) if self._codes is None else self._codes
        if codes is not None and not self._fits(codes, len(vectors)):
            codes = None
            self._path.unlink(missing_ok=True)
        if codes is None:
            codes, self._saved = Quantised.build(vectors), 0
        elif len(codes) < len(vectors):
            codes.append(vectors[len(codes) :])
        self._codes, self._last = codes, self._store.row(len(codes) - 1).id
        if len(codes) > self._saved + self._saved // 4:
            self._write(codes)
        return codes

    def _fits(self, codes: Quantised, count: int) -> bool:
        return 0 < len(codes) <= count and self._store.row(len(codes) - 1).id == self._last

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
