"""Forgetting everything asks twice; anything but a clear yes keeps all."""

import argparse
import contextlib

import pytest

from brain.base.reports import MemoryStats
from brain.cli import forgetting


class Told:
    """A client that only counts what it was told to forget."""

    def __init__(self):
        self.forgotten = 0

    def memory_stats(self):
        return MemoryStats(4, 100, "e/1", 2)

    def forget_all(self):
        self.forgotten += 4
        return 4


@pytest.fixture
def told(monkeypatch):
    client = Told()
    monkeypatch.setattr(forgetting, "connected", lambda: contextlib.nullcontext(client))
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    return client


@pytest.mark.parametrize(
    ("answers", "forgotten"), [(["y", "yes"], 4), (["y", "n"], 0), (["n"], 0), (["", ""], 0), (["y"], 0), ([], 0)]
)
def test_only_two_times_yes_forgets_all(told, monkeypatch, answers, forgotten):
    left = list(answers)

    def answer(question):
        assert "4" in question or "brought back" in question
        if not left:
            raise EOFError
        return left.pop(0)

    monkeypatch.setattr("builtins.input", answer)
    assert forgetting.forget(argparse.Namespace(all=True, names=[], yes=False)) == 0
    assert told.forgotten == forgotten
