"""Laws of the continuous samplers in a world whose flow is known: where they end, how fast they get there."""

import math

import numpy as np
import pytest

from brain.noise.continuous.registry import TIME_GRIDS, grid
from brain.sampling.continuous.contract import FlowTask
from brain.sampling.continuous.registry import FLOWS, flow
from tests.flows import GaussianWorld, task_of

EXACT = [one for one in FLOWS.values() if one.order]


def start_of(task):
    """The noise that a flow of this task begins with: its state after a step of no velocity."""
    [state] = flow("euler").states(lambda x, time: np.zeros_like(x), FlowTask(np.array([1.0, 0.0]), *rest(task)), None)
    return state.x.astype(np.float64)


def rest(task):
    return task.known, task.fixed, task.seed


def error(name, steps, form="uniform"):
    world, task = GaussianWorld(), task_of(grid(form).times(steps), count=200)
    *_, last = flow(name).states(world, task, None)
    return float(np.abs(last.x - world.end(start_of(task))).max())


@pytest.mark.parametrize("one", EXACT, ids=[one.name for one in EXACT])
def test_the_distance_from_the_exact_flow_shrinks_by_the_order_that_is_claimed(one):
    measured = math.log(error(one.name, 32) / error(one.name, 256)) / math.log(8)
    assert measured > one.order - 0.4


@pytest.mark.parametrize("form", TIME_GRIDS)
@pytest.mark.parametrize("one", EXACT, ids=[one.name for one in EXACT])
def test_many_steps_end_at_the_exact_flow_on_every_grid(one, form):
    last_step = grid(form).times(400)[-2]
    assert error(one.name, 400, form) < (0.03 if one.order == 1 else max(2e-3, last_step / 2))


@pytest.mark.parametrize("one", EXACT, ids=[one.name for one in EXACT])
def test_the_rules_of_second_order_beat_eulers_at_equal_steps(one):
    if one.order == 2:
        assert error(one.name, 24) < error("euler", 24) / 3


def test_a_velocity_that_never_changes_is_followed_exactly_by_every_rule():
    task = task_of(grid("cosine").times(5))
    for one in EXACT:
        *_, last = one.states(lambda x, time: np.full_like(x, 2.0), task, None)
        np.testing.assert_allclose(last.x, start_of(task) - 2.0, atol=1e-5)


def test_the_stochastic_flow_keeps_the_law_at_every_time():
    world, steps = GaussianWorld(), 100
    task = task_of(grid("uniform").times(steps), count=5000)
    for state in flow("sde").states(world, task, None):
        assert abs(float(state.x.mean()) - (1 - state.time) * world.mean) < 0.03
        assert abs(float(state.x.std()) - world.deviation(state.time)) < 0.03


def test_the_stochastic_flow_forgets_its_first_noise_in_part_and_the_exact_ones_do_not():
    task = task_of(grid("uniform").times(64), count=2000)
    start = start_of(task).ravel()

    def kept(name):
        *_, last = flow(name).states(GaussianWorld(), task, None)
        return float(np.corrcoef(start, last.x.ravel())[0, 1])

    assert kept("euler") > 0.999
    assert kept("sde") < 0.9


@pytest.mark.parametrize("one", FLOWS.values(), ids=list(FLOWS))
def test_known_rows_never_change_whatever_the_score_says(one):
    task = task_of(grid("shifted").times(6), count=12, fixed=5)
    for state in one.states(lambda x, time: np.full_like(x, 1e3), task, None):
        np.testing.assert_array_equal(state.x[:5], task.known[:5])
