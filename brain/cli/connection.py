"""How a command reaches the daemon of this user; it starts one where none answers."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from brain.base.paths import Places, places
from brain.client.client import Client
from brain.client.launch import connect


def here() -> Places:
    """This user's places on this machine."""
    return places(os.environ, sys.platform, Path.home())


def connected(*, start: bool = True) -> Client:
    """A client of this user's daemon, started when it is not there and ``start`` is true. Use it with ``with``."""
    return connect(here(), start=start)
