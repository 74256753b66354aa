"""Randomness as something handed in: how one seed becomes many that do not touch each other."""

from __future__ import annotations

import hashlib
from typing import Final

SEED_LIMIT: Final = 1 << 64
"""Seeds are 0 … SEED_LIMIT - 1."""


def derive(seed: int, *names: str | int) -> int:
    """A new seed for a named purpose: the same names give the same seed, other names an unrelated one.

    Source: BLAKE2b (RFC 7693) over the seed and the names, each with its length before it.
    """
    digest = hashlib.blake2b(seed.to_bytes(8, "little"), digest_size=8)
    for name in names:
        data = str(name).encode()
        digest.update(len(data).to_bytes(4, "little") + data)
    return int.from_bytes(digest.digest(), "little")
