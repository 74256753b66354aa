"""Asking the system: a file's text, a program's output, a disk's room; None when it does not answer. No meaning."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Final

_LIMIT_BYTES: Final = 1 << 16
_WAIT_S: Final = 2.0


def text_of(path: Path) -> str | None:
    """The first 64 KiB of a file as text; None when it is not there or cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(_LIMIT_BYTES).decode("utf-8", "replace")
    except OSError:
        return None


def said(command: tuple[str, ...]) -> str | None:
    """What a program prints; None when it is not there, fails, or takes longer than two seconds."""
    try:
        done = subprocess.run(command, capture_output=True, check=False, timeout=_WAIT_S, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.decode("utf-8", "replace") if done.returncode == 0 else None


def free_bytes(folder: Path) -> int | None:
    """The room on the disk of ``folder``; None when it is not there."""
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return None
