"""Names a version of the brain by its content: a hash over the rooms that think. It loads none of them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Final

ROOMS: Final = ("conditioning", "diffusion", "noise", "rewards", "sampling", "uncertainty")
"""The rooms that can be replaced while the daemon runs: what they hold is the brain's version."""

_DIGITS: Final = 12


def brain_version(root: Path) -> str:
    """The name of the rooms below ``root``. Cost: reads their files once (about a millisecond)."""
    return version_of(read_rooms(root))


def read_rooms(root: Path) -> dict[str, bytes]:
    """The content of every ``.py`` file of the rooms below ``root`` by its path there ("sampling/policy.py")."""
    found = (path for room in ROOMS for path in (root / room).rglob("*.py"))
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in found}


def version_of(files: Mapping[str, bytes]) -> str:
    """Twelve hexadecimal digits of SHA-256 over paths and contents: same files, same name, whatever their dates."""
    digest = hashlib.sha256()
    for path, content in sorted(files.items()):
        digest.update(f"{path}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()[:_DIGITS]
