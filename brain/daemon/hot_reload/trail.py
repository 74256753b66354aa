"""What goes between the daemon and the child that tries a version: the version there, the line that runs back."""

from __future__ import annotations

import marshal
import struct
from typing import Final

from brain.daemon.hot_reload.snapshot import Compiled

LINE: Final = struct.Struct("<II")
"""A file's number, from 1 in the order of ``Compiled.paths``, and a line in it; all 0 before the first."""


def written(compiled: Compiled) -> bytes:
    """A version as bytes for the child's standard input."""
    return marshal.dumps((compiled.version, dict(compiled.codes), list(compiled.packages), dict(compiled.paths)))


def read(data: bytes) -> Compiled:
    """The version that ``written`` made bytes of; only ever read from the daemon's own pipe."""
    version, codes, packages, paths = marshal.loads(data)
    return Compiled(version, codes, frozenset(packages), paths)
