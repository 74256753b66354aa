"""Names a version of the brain by its content: a hash over the rooms that think. It loads none of them."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

ROOMS: Final = ("conditioning", "diffusion", "noise", "rewards", "sampling", "uncertainty")
"""The rooms that can be replaced while the daemon runs: what they hold is the brain's version."""

_DIGITS: Final = 12


def brain_version(root: Path) -> str:
    """Twelve hexadecimal digits of SHA-256 over every ``.py`` file of the rooms below ``root``, by path, then content.

    Same files, same name, whatever their dates. Cost: reads them once (about a millisecond).
    """
    digest = hashlib.sha256()
    for room in ROOMS:
        for path in sorted((root / room).rglob("*.py")):
            content = path.read_bytes()
            digest.update(f"{path.relative_to(root).as_posix()}\0{len(content)}\0".encode())
            digest.update(content)
    return digest.hexdigest()[:_DIGITS]
