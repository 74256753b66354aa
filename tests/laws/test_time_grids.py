"""Laws of the time grids: they fall from where a flow begins to data, and never stand still."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from brain.base.errors import InvalidInput
from brain.noise.continuous.grid import MOST_STEPS
from brain.noise.continuous.registry import TIME_GRIDS, custom, grid


@pytest.mark.parametrize("name", TIME_GRIDS)
class TestEveryGrid:
    @given(steps=st.integers(1, MOST_STEPS), begin=st.floats(1e-3, 1))
    def test_its_times_fall_strictly_from_the_beginning_to_zero(self, name, steps, begin):
        times = grid(name).times(steps, begin)
        assert len(times) == steps + 1
        assert times[0] == begin
        assert times[-1] == 0
        assert (np.diff(times) < 0).all()

    @given(share=st.floats(0, 1), other=st.floats(0, 1))
    def test_a_later_share_is_never_an_earlier_time(self, name, share, other):
        low, high = sorted((share, other))
        assert 0 <= grid(name).place(low) <= grid(name).place(high) <= 1

    @pytest.mark.parametrize(("steps", "begin"), [(0, 1), (MOST_STEPS + 1, 1), (4, 0), (4, 1.01), (4, float("nan"))])
    def test_a_grid_of_no_steps_or_from_nowhere_is_refused(self, name, steps, begin):
        with pytest.raises(InvalidInput):
            grid(name).times(steps, begin)

    @pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
    def test_a_share_outside_of_the_way_is_refused(self, name, share):
        with pytest.raises(InvalidInput, match="a share of"):
            grid(name).place(share)


def test_grids_put_their_short_steps_where_they_say():
    def first_and_last(name):
        steps = -np.diff(grid(name).times(10))
        return steps[0], steps[5], steps[-1]

    first, middle, last = first_and_last("uniform")
    assert first == pytest.approx(middle) == pytest.approx(last)
    assert first_and_last("cosine")[0] < 0.1 < first_and_last("cosine")[2]
    assert first_and_last("shifted")[0] < 0.1 < first_and_last("shifted")[2]
    first, middle, last = first_and_last("logit-normal")
    assert middle < min(first, last)


def test_a_grid_may_be_written_out_and_pressed_together():
    np.testing.assert_allclose(custom([1, 0.7, 0.0]), [1, 0.7, 0])
    np.testing.assert_allclose(custom([1, 0.7, 0.0], 0.5), [0.5, 0.35, 0])


@pytest.mark.parametrize("times", [[], [1], [1, 1, 0], [0.9, 0], [1, 0.2], [1, 0.5, 0.6, 0], [1, float("nan"), 0]])
def test_times_that_are_no_grid_are_refused(times):
    with pytest.raises(InvalidInput, match="no grid"):
        custom(times)


@pytest.mark.parametrize("begin", [0, 2, float("nan")])
def test_a_written_grid_begins_within_the_flow(begin):
    with pytest.raises(InvalidInput, match="begins at"):
        custom([1, 0], begin)


def test_a_grid_that_is_not_there_is_refused_by_name():
    with pytest.raises(InvalidInput, match="no time grid 'lunar'"):
        grid("lunar")
