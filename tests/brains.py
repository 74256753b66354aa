"""Versions of the brain for tests: files in an overlay's folder, a keeper over real rooms and the shipped model."""

from __future__ import annotations

from pathlib import Path

import brain
from brain.base.errors import RejectedByGate
from brain.daemon.brain_version import read_rooms
from brain.daemon.hot_reload.snapshot import Compiler, snapshot

ROOMS = Path(brain.__file__).parent
MODEL = ROOMS / "pretrained" / "base"
ORDERS = "sampling/discrete/orders.py"
POLICY = "sampling/policy.py"
BACKWARDS = ("np.argsort(-look.log_prob,", "np.argsort(look.log_prob,")
"""The change of ``ORDERS`` that opens the least likely place first."""


def shipped(name):
    """The text of a shipped file."""
    return (ROOMS / name).read_text()


def changed(name=ORDERS, change=BACKWARDS):
    """A shipped file with one word exchanged."""
    text = shipped(name)
    assert change[0] in text
    return text.replace(*change)


def write(folder, files):
    """Put files into an overlay's folder as a user alone would."""
    folder.mkdir(mode=0o700, exist_ok=True)
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.write_text(text)
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o700 if path.is_dir() else 0o600)
    return folder


def compiled(files, folder=Path("/own")):
    """A compiled version of the shipped rooms with these files on top."""
    own = {name: text.encode() for name, text in files.items()}
    return Compiler().compile(snapshot(read_rooms(ROOMS), own, ROOMS, folder))


class Believing:
    """A trial for tests that are about what follows it: it passes everything, or refuses what it is told to."""

    def __init__(self):
        self.refuse = ""
        self.tried = []
        self.ready = 0

    def prepare(self):
        self.ready += 1

    def run(self, version):
        self.tried.append(version.version)
        if self.refuse:
            raise RejectedByGate(self.refuse)

    def tidy(self):
        """Nothing to clear away."""

    def rest(self):
        self.ready = 0

    def close(self):
        self.ready = -1
