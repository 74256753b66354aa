"""One suite for every continuous sampler of the registry, over a world whose flow is known."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brain.base.errors import Cancelled, InvalidInput
from brain.noise.continuous.registry import TIME_GRIDS, grid
from brain.sampling.continuous.contract import FlowState, FlowTask
from brain.sampling.continuous.registry import FLOWS, flow
from tests.flows import GaussianWorld, task_of

grids = st.sampled_from(list(TIME_GRIDS))
steps_of = st.integers(1, 12)
seeds = st.integers(0, 2**64 - 1)


def run(name: str, task: FlowTask, world: GaussianWorld | None = None) -> list[FlowState]:
    return list(flow(name).states(world or GaussianWorld(), task, None))


class CancelAfter:
    """A cancel token that ends the call at its n-th reading."""

    def __init__(self, readings: int) -> None:
        self.left = readings

    def check(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise Cancelled("withdrawn")


@pytest.mark.parametrize("name", FLOWS)
class TestEveryFlow:
    @settings(max_examples=25, deadline=None)
    @given(
        form=grids, steps=steps_of, begin=st.floats(0.05, 1), fixed=st.integers(0, 9), seed=st.integers(0, 2**64 - 1)
    )
    def test_states_keep_every_promise_of_the_contract(
        self, name: str, form: str, steps: int, begin: float, fixed: int, seed: int
    ) -> None:
        world = GaussianWorld()
        task = task_of(grid(form).times(steps, begin), count=10, fixed=fixed, seed=seed)
        states = run(name, task, world)
        assert [state.step for state in states] == list(range(1, steps + 1))
        assert {state.steps for state in states} == {steps}
        assert [state.time for state in states] == list(task.times[1:])
        assert states[-1].passes == len(world.asked) <= flow(name).cost * steps
        for earlier, later in itertools.pairwise(states):
            assert earlier.passes < later.passes
        for state in states:
            assert state.x.shape == state.clean.shape == (10, 4)
            assert state.x.dtype == state.clean.dtype == np.float32
            assert np.isfinite(state.x).all()
            assert np.isfinite(state.clean).all()
            np.testing.assert_array_equal(state.x[:fixed], task.known[:fixed])
            np.testing.assert_array_equal(state.clean[:fixed], task.known[:fixed])
        np.testing.assert_array_equal(states[-1].x, states[-1].clean)
        for times in world.asked:
            assert (times[:fixed] == 0).all()
            assert ((times[fixed:] > 0) & (times[fixed:] <= 1)).all()

    @settings(max_examples=10, deadline=None)
    @given(form=grids, steps=steps_of, seed=st.integers(0, 2**64 - 2))
    def test_the_same_seed_gives_the_same_sample_and_another_one_another(
        self, name: str, form: str, steps: int, seed: int
    ) -> None:
        times = grid(form).times(steps)
        one, two = (run(name, task_of(times, seed=seed))[-1].x for _ in range(2))
        np.testing.assert_array_equal(one, two)
        assert not np.array_equal(one, run(name, task_of(times, seed=seed + 1))[-1].x)

    def test_states_can_not_be_written_to(self, name: str) -> None:
        state = run(name, task_of(grid("uniform").times(2)))[0]
        with pytest.raises(ValueError, match="read-only"):
            state.x[0, 0] = 1

    def test_a_flow_is_withdrawn_between_passes(self, name: str) -> None:
        world = GaussianWorld()
        with pytest.raises(Cancelled):
            list(flow(name).states(world, task_of(grid("uniform").times(8)), CancelAfter(3)))
        assert len(world.asked) == 3

    def test_a_canvas_that_is_all_known_stays_as_it_is(self, name: str) -> None:
        task = task_of(grid("uniform").times(3), count=5, fixed=5)
        np.testing.assert_array_equal(run(name, task)[-1].x, task.known)

    def test_a_late_beginning_keeps_the_sketch_in_part(self, name: str) -> None:
        times = grid("uniform").times(8, 0.05)
        task = FlowTask(times, np.full((400, 4), 0.7, np.float32), np.zeros(400, np.bool_), 3)
        assert abs(float(run(name, task)[-1].x.mean()) - 0.7) < 0.05
        assert float(run(name, task)[-1].x.std()) < 0.2

    @pytest.mark.parametrize(
        "times", [[1.0], [1.0, 0.5], [0.5, 1.0, 0.0], [1.0, 0.5, 0.5, 0.0], [1.5, 0.0], [1.0, float("nan"), 0.0], [0.0]]
    )
    def test_times_that_do_not_fall_to_zero_are_refused(self, name: str, times: list[float]) -> None:
        with pytest.raises(InvalidInput, match="times"):
            run(name, task_of(np.array(times)))

    def test_a_canvas_of_nothing_and_numbers_without_end_are_refused(self, name: str) -> None:
        times = grid("uniform").times(2)
        for known in (np.zeros((0, 4)), np.full((3, 4), np.inf), np.zeros(3)):
            with pytest.raises(InvalidInput, match="known"):
                run(name, FlowTask(times, known.astype(np.float32), np.zeros(len(known), np.bool_), 0))
        with pytest.raises(InvalidInput, match="fixed"):
            run(name, FlowTask(times, np.zeros((3, 4), np.float32), np.zeros(2, np.bool_), 0))


def test_a_flow_that_is_not_there_is_refused_by_name() -> None:
    with pytest.raises(InvalidInput, match="no way to follow a flow 'leapfrog'"):
        flow("leapfrog")


def test_every_flow_names_its_source() -> None:
    assert all(one.source and any(letter.isdigit() for letter in one.source) for one in FLOWS.values())
