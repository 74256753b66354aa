"""Remembers on disk which versions of the brain went wrong here, and why, so that none is taken twice by itself."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Final, final

from brain.base.errors import CorruptData, StorageFailed

LIMIT: Final = 100
"""How many versions are remembered; the oldest are forgotten first."""
_FILE_LIMIT_BYTES: Final = 1 << 20


@final
class Quarantine:
    """Version → reason, in one JSON file of mode 0600 that is replaced whole. Safe to use from several threads.

    Raises, at each call: CorruptData for a file that is not one; StorageFailed.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock = threading.Lock()

    def versions(self) -> dict[str, str]:
        """All of them, the oldest first."""
        try:
            with self._file.open("rb") as file:
                told = json.loads(file.read(_FILE_LIMIT_BYTES))
        except FileNotFoundError:
            return {}
        except (ValueError, RecursionError) as error:
            raise CorruptData(f"{self._file.name} is not JSON: {error}", hint="mend it, or move it away") from error
        except OSError as error:
            raise StorageFailed(f"{self._file.name}: {error.strerror}", errno=error.errno) from error
        if not isinstance(told, dict) or not all(isinstance(why, str) for why in told.values()):
            raise CorruptData(f"{self._file.name} does not map versions to reasons", hint="mend it, or move it away")
        return told

    def add(self, version: str, why: str) -> None:
        """Remember one; the last reason counts."""
        with self._lock:
            kept = self.versions()
            kept.pop(version, None)
            self._write(dict(list(kept.items())[1 - LIMIT :]) | {version: why})

    def release(self, version: str) -> None:
        """Forget one."""
        with self._lock:
            kept = self.versions()
            if kept.pop(version, None) is not None:
                self._write(kept)

    def _write(self, versions: Mapping[str, str]) -> None:
        beside = self._file.with_name(f"{self._file.name}.{os.getpid()}")
        try:
            beside.unlink(missing_ok=True)
            descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                json.dump(versions, file, indent=1)
            beside.replace(self._file)
        except OSError as error:
            raise StorageFailed(f"{self._file.name}: {error.strerror}", errno=error.errno) from error
