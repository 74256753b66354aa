"""Promises of brain/base/seeds.py and clock.py."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brain.base.clock import HandClock, SystemClock
from brain.base.seeds import SEED_LIMIT, derive

SEEDS = st.integers(0, SEED_LIMIT - 1)


@given(SEEDS, st.text(), st.integers())
def test_the_same_names_give_the_same_seed_within_the_range(seed, word, number):
    first = derive(seed, word, number)
    assert first == derive(seed, word, number)
    assert 0 <= first < SEED_LIMIT


def test_names_are_kept_apart():
    assert len({derive(1, "ab", "c"), derive(1, "a", "bc"), derive(1, "abc"), derive(2, "abc"), derive(1)}) == 5


def test_the_systems_clock_grows():
    clock = SystemClock()
    assert clock.monotonic_s() <= clock.monotonic_s()
    assert clock.wall_s() > 1_600_000_000


def test_the_hand_clock_moves_only_forward():
    clock = HandClock(5.0)
    clock.advance(2.5)
    assert clock.wall_s() == clock.monotonic_s() == 7.5
    with pytest.raises(ValueError, match="-1"):
        clock.advance(-1)
