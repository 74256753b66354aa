"""Promises of the progress lines: their numbers, and when there is one."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from brain.base.clock import HandClock
from brain.training.plan import Plan
from brain.training.progress import Progress, duration
from brain.training.step import StepLosses
from tests.tiny_model import MITE


def losses(value: float) -> StepLosses:
    return StepLosses(*(torch.tensor(value + extra) for extra in (0.0, 1.0, 2.0, 3.0)))


def test_a_line_has_the_means_since_the_last_one_and_the_time_left() -> None:
    clock, lines = HandClock(), []
    progress = Progress(Plan(recipe=MITE, data=(Path("/x"),), steps=100), clock, lines.append, 40)
    clock.advance(4)
    progress.note(41, 4.0, losses(5.0))
    assert lines == [
        "step 41  41.0 %  loss 14.500  next-token 5.000  masked 6.000  fill 7.000  gradient 8.00  "
        "128 pair tokens/s  6 s left"
    ]
    clock.advance(1)
    progress.note(43, 5.0, losses(1.0))
    progress.note(44, 5.0, losses(2.0))
    assert len(lines) == 1
    clock.advance(9.5)
    progress.note(46, 46.0, losses(6.0))
    assert lines[1].startswith("step 46  46.0 %  loss 9.500  next-token 3.000")
    assert lines[1].endswith("54 s left")


def test_the_last_step_always_has_its_line() -> None:
    clock, lines = HandClock(), []
    progress = Progress(Plan(recipe=MITE, data=(Path("/x"),), steps=100), clock, lines.append, 0)
    clock.advance(1)
    progress.note(99, 4.0, losses(5.0))
    progress.note(100, 4.0, losses(5.0))
    assert [line.split("  ")[0] for line in lines] == ["step 100"]
    assert lines[0].endswith("0 s left")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.4, "0 s"), (59.6, "1 min 0 s"), (61, "1 min 1 s"), (3661, "1 h 1 min"), (float("inf"), "unknown time")],
)
def test_durations_are_said_in_words(seconds: float, words: str) -> None:
    assert duration(seconds) == words
