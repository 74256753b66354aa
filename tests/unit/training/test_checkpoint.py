"""Promises of a checkpoint's file: nothing in it is run, and anything that is not a whole one is refused."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
import torch

from brain.base.errors import CorruptData, NotFound, StorageFailed
from brain.score.torch.network import ScoreNetwork
from brain.training import checkpoint
from brain.training.checkpoint import Place
from brain.training.optim.both import Optimisers
from brain.training.plan import RECIPES, Plan
from tests.tiny_model import MITE

PLAN = Plan(recipe=MITE, data=(Path("/texts"),), steps=9)


class Trap:
    """Would make a file when unpickled by a careless reader."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[Path]]:
        return Path.touch, (self.path,)


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    network = ScoreNetwork(MITE.spec)
    path = tmp_path / "checkpoint.pt"
    checkpoint.save(path, PLAN, "f00d", Place(3, 1.5), network=network, optimisers=Optimisers(network, MITE))
    return path


def test_a_checkpoint_comes_back_as_it_was(saved: Path) -> None:
    found = checkpoint.load(saved)
    assert (found.plan, found.fingerprint, found.place) == (PLAN, "f00d", Place(3, 1.5))
    network = ScoreNetwork(MITE.spec, quantise=True)
    found.restore(network, Optimisers(network, MITE))
    assert list(saved.parent.iterdir()) == [saved]


def test_code_in_a_checkpoint_is_never_run(tmp_path: Path) -> None:
    sprung = tmp_path / "sprung"
    for name, write in (("a.pt", torch.save), ("b.pt", lambda value, path: path.write_bytes(pickle.dumps(value)))):
        write({"format": checkpoint.FORMAT, "plan": Trap(sprung)}, tmp_path / name)
        with pytest.raises(CorruptData, match="not a whole checkpoint"):
            checkpoint.load(tmp_path / name)
    assert not sprung.exists()


@pytest.mark.parametrize("keep", [0, 1, 100, 5000, -1])
def test_a_cut_checkpoint_is_refused(saved: Path, keep: int) -> None:
    saved.write_bytes(saved.read_bytes()[:keep])
    with pytest.raises(CorruptData, match=r"checkpoint\.pt"):
        checkpoint.load(saved)


@pytest.mark.parametrize("state", [[1], {"format": "other"}, {"format": checkpoint.FORMAT}, {"step": 1}])
def test_something_else_is_refused(tmp_path: Path, state: object) -> None:
    torch.save(state, tmp_path / "a.pt")
    with pytest.raises(CorruptData):
        checkpoint.load(tmp_path / "a.pt")


def test_a_checkpoint_of_another_network_is_refused(saved: Path) -> None:
    other = ScoreNetwork(RECIPES["tiny"].spec)
    with pytest.raises(CorruptData, match="does not fit"):
        checkpoint.load(saved).restore(other, Optimisers(other, RECIPES["tiny"]))


def test_a_missing_or_unreadable_checkpoint_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no checkpoint"):
        checkpoint.load(tmp_path / "none.pt")
    with pytest.raises(StorageFailed, match="cannot be read"):
        checkpoint.load(tmp_path)
