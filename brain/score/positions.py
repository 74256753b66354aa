"""Where each place of a prefix or canvas stands, as two numbers (row, column). It knows no angles and no network.

A prefix of n tokens counts all of them, beginning-of-text and tag included. Every function gives (rows, columns),
float32 and equally long; positions are counted in tokens, real-valued only before sound.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from brain.base.errors import InvalidInput

Positions = tuple[NDArray[np.float32], NDArray[np.float32]]


def _count(name: str, value: int) -> int:
    """A number of places; InvalidInput when negative."""
    if value < 0:
        raise InvalidInput(f"{name} is {value}; a number of places cannot be negative", field=name)
    return value


def text(start: int, n: int) -> Positions:
    """Tokens ``start`` … ``start + n - 1``: row and column are the index, so text is ordinary rotation."""
    places = np.arange(_count("start", start), start + _count("n", n), dtype=np.float32)
    return places, places.copy()


def image(prefix: int, grid: int) -> Positions:
    """``grid`` x ``grid`` vectors in raster order after ``prefix`` tokens: (prefix + r, prefix + c)."""
    rows, columns = np.divmod(np.arange(_count("grid", grid) ** 2), max(grid, 1))
    before = _count("prefix", prefix)
    return (rows + before).astype(np.float32), (columns + before).astype(np.float32)


def audio_caption(prefix: int, n: int) -> Positions:
    """The ``prefix`` tokens before ``n`` vectors of sound: token j stands at j n / prefix, beside its sound."""
    places = (np.arange(_count("prefix", prefix)) * _count("n", n) / max(prefix, 1)).astype(np.float32)
    return places, places.copy()


def audio(prefix: int, n: int) -> Positions:
    """The ``n`` vectors of sound themselves: vector i stands at i, whatever ``prefix`` is."""
    _count("prefix", prefix)
    return text(0, n)


def plan(prefix: int, n: int) -> Positions:
    """The ``n`` vectors of a plan go on counting after ``prefix`` tokens."""
    return text(prefix, n)
