"""When a new version is given up: clear failures, clear doubt, and not by chance or by the callers' own doing."""

import random

import pytest

from brain.base.errors import Cancelled, CorruptData, DeadlineExceeded, InvalidInput
from brain.daemon.hot_reload.canary import Outcome, outcome, worse

GOOD, BAD = Outcome(False, 0.4), Outcome(True)


def doubts(mean, count, spread=0.1, seed=0):
    chance = random.Random(seed)
    return [Outcome(False, min(max(chance.gauss(mean, spread), 0), 1)) for _ in range(count)]


@pytest.mark.parametrize(
    ("error", "failed"),
    [
        (None, False),
        (Cancelled("x"), False),
        (InvalidInput("x"), False),
        (DeadlineExceeded("x"), True),
        (CorruptData("x"), True),
        (KeyError("x"), True),
        (SystemExit(1), True),
    ],
)
def test_only_faults_are_failures(error, failed):
    assert outcome(error, 0.5) == Outcome(failed, 0.5 if error is None else None)


def test_one_failure_is_not_enough_and_two_of_the_first_two_are():
    assert worse([], [BAD]) == ""
    assert worse([GOOD] * 40, [BAD] + [GOOD] * 31) == ""
    assert worse([], [BAD, BAD]) == "2 of 2 calls failed, 2% is usual"
    assert worse([GOOD] * 40, [GOOD] * 29 + [BAD] * 4) != ""


def test_a_version_may_fail_as_often_as_the_one_before_it():
    assert worse([BAD, GOOD] * 20, [BAD, GOOD] * 16) == ""
    assert worse([BAD] + [GOOD] * 19, [BAD] * 6 + [GOOD] * 4) != ""


def test_a_clear_rise_of_doubt_is_worse_and_a_small_or_unclear_one_is_not():
    before = doubts(0.4, 40)
    assert "it was 0.39" in worse(before, doubts(0.75, 10, seed=1))
    assert worse(before, doubts(0.75, 7, seed=1)) == ""
    assert worse(before, doubts(0.42, 32, seed=2)) == ""
    assert worse(before, doubts(0.2, 32, seed=3)) == ""
    assert worse([Outcome(False, 0.4)] * 40, [Outcome(False, 0.43)] * 32) == ""
    assert worse([], doubts(0.9, 32)) == ""


def test_a_version_that_is_as_good_is_almost_never_given_up():
    given_up = 0
    for seed in range(200):
        before, now = doubts(0.5, 64, 0.2, seed), doubts(0.5, 32, 0.2, seed + 10_000)
        given_up += any(worse(before, now[:count]) for count in range(1, 33))
    assert given_up <= 2
