"""Promises of the windows: where they lie, and what one that begins with a memory holds."""

from __future__ import annotations

import numpy as np
import pytest

from brain.base.errors import InvalidInput
from brain.score.spec import TINY
from brain.training.data.windows import WindowSource, spread

FIRST = 100


def counting(*sizes: int) -> WindowSource:
    """Documents whose tokens count on from 100, so that a token tells its place."""
    stream = np.arange(FIRST, FIRST + sum(sizes), dtype=np.uint16)
    return WindowSource(stream, np.cumsum([0, *sizes], dtype=np.int64), TINY)


def random(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_plain_windows_are_stretches_of_the_stream_from_its_first_token_to_its_last() -> None:
    windows = counting(20).draw(2000, 8, 0.0, random())
    assert (np.diff(windows, axis=1) == 1).all()
    assert windows.min() == FIRST
    assert windows.max() == FIRST + 19


def test_the_share_of_windows_with_a_memory_is_the_one_asked_for() -> None:
    windows = counting(500, 3, 700).draw(4000, 32, 0.08, random())
    assert (windows[:, 0] == TINY.memory).mean() == pytest.approx(0.08, abs=0.02)


def test_a_memory_and_its_text_come_from_one_document_and_never_touch() -> None:
    source = counting(200, 40, 150)
    windows = source.draw(600, 32, 1.0, random())
    note = int(32 * 3 / 16)
    spans = [(FIRST, FIRST + 200), (FIRST + 240, FIRST + 390)]
    assert windows.shape == (600, 32)
    assert (windows[:, 0] == TINY.memory).all()
    assert (windows[:, note + 1] == TINY.end).all()
    for window in windows:
        remembered, text = window[1 : note + 1], window[note + 2 :]
        assert (np.diff(remembered) == 1).all()
        assert (np.diff(text) == 1).all()
        assert any(
            first <= min(remembered[0], text[0]) and max(remembered[-1], text[-1]) < last for first, last in spans
        )
        assert remembered[-1] < text[0] or text[-1] < remembered[0]


def test_memories_lie_before_and_after_their_text() -> None:
    windows = counting(300).draw(400, 32, 1.0, random())
    before = (windows[:, 1] < windows[:, 8]).mean()
    assert 0.3 < before < 0.7


def test_without_long_documents_there_are_no_memories() -> None:
    windows = counting(*[30] * 10).draw(50, 32, 1.0, random())
    assert (np.diff(windows, axis=1) == 1).all()


def test_the_same_chance_draws_the_same_windows() -> None:
    source = counting(300)
    assert (source.draw(9, 16, 0.5, random(3)) == source.draw(9, 16, 0.5, random(3))).all()
    assert (source.draw(9, 16, 0.5, random(3)) != source.draw(9, 16, 0.5, random(4))).any()


def test_a_stream_shorter_than_a_window_is_refused() -> None:
    with pytest.raises(InvalidInput, match="a stream of 20 tokens has no window of 21"):
        counting(20).draw(1, 21, 0.0, random())


def test_windows_for_measuring_are_spread_and_never_touch() -> None:
    stream = np.arange(1000, dtype=np.uint16)
    windows = spread(stream, 33, 8)
    assert windows.shape == (8, 33)
    assert windows[0, 0] == 0
    assert windows[-1, -1] == 999
    assert (np.diff(windows[:, 0]) >= 33).all()
    assert spread(stream[:40], 33, 8).shape == (1, 33)
    assert spread(stream[:32], 33, 8).shape == (0, 33)
