"""``aios train``, ``aios eval`` and ``aios import``: commands that become another program, beside the daemon."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from brain.base.names import check_name
from brain.cli.connection import here

PRETRAINED = Path(__file__).resolve().parent.parent / "pretrained"
"""The models that come with aios."""

DESCRIPTION = "score.json"
"""What makes a folder a model; one that a training has only begun has none yet."""


def train(words: argparse.Namespace) -> int:
    """Become the training; its words, checkpoints and exit codes are its own."""
    folders = [part for folder in words.data for part in ("--data", str(folder))]
    return _become("brain.training", *folders, "--out", str(folder_of(words.out)), *words.rest)


def evaluate(words: argparse.Namespace) -> int:
    """Become the measurement of a model by name or folder."""
    return _become("brain.diffusion.evaluate", str(found(words.model)), "--data", str(words.data), *words.rest)


def take(words: argparse.Namespace) -> int:
    """Become the importer."""
    return _become("brain.score.importing", str(words.source), str(folder_of(words.out)))


def folder_of(name: str) -> Path:
    """A model's folder: a bare name lies among the user's models, a name with a separator is a folder as it stands."""
    if os.sep in name:
        return Path(name)
    check_name("MODEL", name)
    return here().models / name


def found(name: str) -> Path:
    """The folder of a model that is there: the user's own wins over one that came with aios."""
    own = folder_of(name)
    return own if (own / DESCRIPTION).is_file() or os.sep in name else PRETRAINED / name


def _become(module: str, *words: str) -> int:
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-m", module, *words])
