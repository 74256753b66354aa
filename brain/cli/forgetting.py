"""``aios forget`` and ``aios memories``: what was kept leaves the disk, goes to a file, or comes from one."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Final

from brain.base.errors import InvalidInput
from brain.cli.connection import connected

_A_CALL: Final = 1024


def forget(words: argparse.Namespace) -> int:
    """Forget the named memories, or all; prints how many once they are in no file of the store any more."""
    if words.all == bool(words.names):
        raise InvalidInput(
            "nothing to forget" if not words.all else "names are given, and --all",
            hint="aios forget memories/ID, or --all",
        )
    names = list(dict.fromkeys(words.names))
    if len(names) > _A_CALL:
        raise InvalidInput(f"there are {len(names)} names", hint=f"at most {_A_CALL} at once")
    with connected() as client:
        if not words.all:
            print(f"forgot {client.forget(names)}")
            return 0
        count = client.memory_stats().count
        if not words.yes and not _sure(count):
            print("nothing was forgotten", file=sys.stderr)
            return 0
        print(f"forgot {client.forget_all()}")
    return 0


def memories(words: argparse.Namespace) -> int:
    """Tell how many memories there are, write them to a file, or keep those of a file."""
    if (words.action == "show") != (words.file is None):
        raise InvalidInput(
            f"aios memories {words.action} {words.file or ''}".rstrip(),
            hint="aios memories, aios memories export FILE, aios memories import FILE",
        )
    with connected() as client:
        if words.action == "show":
            stats = client.memory_stats()
            said = f"{stats.count} memories, {stats.disk_bytes:,} bytes, vectors of {stats.embedder} ({stats.width})"
            print(json.dumps(asdict(stats)) if words.json else said)
            return 0
        path = Path(words.file).absolute()
        done = client.export_memories(path) if words.action == "export" else client.import_memories(path)
    told = {"count": done, "file": str(path)}
    print(json.dumps(told) if words.json else f"{words.action}ed {done} memories: {path}")
    return 0


def _sure(count: int) -> bool:
    """Ask twice, at a terminal only."""
    if not sys.stdin.isatty():
        raise InvalidInput("nobody is there to be asked", hint="--yes forgets all without asking")
    for question in (f"Forget all {count} memories? [y/N] ", "They cannot be brought back. Really? [y/N] "):
        try:
            if input(question).strip().lower() not in ("y", "yes"):
                return False
        except EOFError:
            return False
    return True
