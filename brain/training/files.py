"""Writes a file whole or not at all. Knows nothing of what it writes."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from brain.base.errors import StorageFailed


def write_whole(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Put in place of ``path`` what ``write`` writes: a file beside it, synced, then renamed over it.

    A crash leaves the old file or the new one. Raises StorageFailed; the old file is then as it was.
    """
    part = path.with_name(f"{path.name}.part")
    try:
        with part.open("wb") as stream:
            write(stream)
            stream.flush()
            os.fsync(stream.fileno())
        part.replace(path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        hint = "look at the disk's space and the folder's rights"
        raise StorageFailed(
            f"{path} cannot be written: {error.strerror}", hint=hint, errno=error.errno, filename=str(path)
        ) from error


def write_text(path: Path, text: str) -> None:
    """``write_whole`` of a text in UTF-8."""
    write_whole(path, lambda stream: stream.write(text.encode()))
