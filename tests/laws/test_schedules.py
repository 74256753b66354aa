"""Laws of the masking schedules: ends, order, and counts that always arrive at zero."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from brain.noise.discrete.cosine import Cosine
from brain.noise.discrete.linear import Linear
from brain.noise.discrete.log_linear import LogLinear
from brain.noise.schedule import Schedule

LAWS = [Linear(), Cosine(), LogLinear()]
times = st.floats(0, 1)


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.name)
class TestEveryLaw:
    def test_text_is_clean_at_time_zero_and_all_but_gone_at_time_one(self, law: Schedule) -> None:
        assert law.alpha(0) == pytest.approx(1, abs=1e-12)
        assert 0 <= law.alpha(1) <= law.END + 1e-12

    @given(times, times)
    def test_more_time_never_makes_a_place_cleaner(self, law: Schedule, a: float, b: float) -> None:
        early, late = sorted((a, b))
        assert law.alpha(early) >= law.alpha(late) - 1e-15

    @given(st.floats(0.01, 0.99))
    def test_the_rate_is_the_derivative_that_it_says(self, law: Schedule, t: float) -> None:
        h = 1e-6
        slope = (law.alpha(t + h) - law.alpha(t - h)) / (2 * h)
        assert law.rate(t) == pytest.approx(-slope / (1 - law.alpha(t)), rel=1e-4)

    def test_at_time_zero_the_rate_is_infinite(self, law: Schedule) -> None:
        assert law.rate(0) == np.inf

    @given(times, times)
    def test_two_steps_back_leave_as_many_masked_as_one(self, law: Schedule, a: float, b: float) -> None:
        s, t = sorted((a, b))
        if not 1e-3 < s < t < 1:
            return
        closed = (1 - law.open_chance(1, t)) * (1 - law.open_chance(t, s))
        assert closed == pytest.approx(1 - law.open_chance(1, s), abs=1e-9)

    @given(st.integers(1, 80), st.integers(0, 80))
    def test_counts_fall_from_all_to_none_and_each_step_opens_something(
        self, law: Schedule, steps: int, places: int
    ) -> None:
        counts = [law.masked_after(step, steps, places) for step in range(steps + 1)]
        assert counts[0] == places
        assert counts[-1] == 0
        for before, after in itertools.pairwise(counts):
            assert after < before or before == 0

    @pytest.mark.parametrize("t", [-0.1, 1.1, float("nan")])
    def test_a_time_outside_of_the_law_is_refused(self, law: Schedule, t: float) -> None:
        with pytest.raises(ValueError, match="outside"):
            law.alpha(t)

    def test_a_step_that_does_not_go_back_is_refused(self, law: Schedule) -> None:
        with pytest.raises(ValueError, match="does not go back"):
            law.open_chance(0.5, 0.5)

    @pytest.mark.parametrize(("step", "steps", "places"), [(-1, 4, 4), (5, 4, 4), (0, 0, 4), (0, 4, -1)])
    def test_a_count_that_makes_no_sense_is_refused(self, law: Schedule, step: int, steps: int, places: int) -> None:
        with pytest.raises(ValueError, match="over"):
            law.masked_after(step, steps, places)


def test_a_linear_law_opens_equal_shares_and_a_cosine_law_opens_late() -> None:
    linear = [Linear().masked_after(step, 4, 16) for step in range(5)]
    cosine = [Cosine().masked_after(step, 4, 16) for step in range(5)]
    assert linear == [16, 12, 8, 4, 0]
    assert cosine == [16, 15, 11, 6, 0]
