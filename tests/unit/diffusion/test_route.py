"""Promises of plans: ends that are kept, a way that is not mended, and a verdict beside that of the shortest way."""

import json

import numpy as np
import pytest

from brain.base.errors import InvalidInput, Unsupported
from brain.base.messages import Route
from brain.diffusion.coders import Parts
from brain.diffusion.route import layout, places, plan
from brain.planning.maze import MAZES, maze
from tests.canvases import asked, parts_in
from tests.worlds import markov_world


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    return parts_in(tmp_path_factory.mktemp("model") / "m")


def planned(parts, route, **more):
    *states, last = plan(parts, asked(route, **more), route, None)
    return states, last, json.loads(last.data)


def test_a_plan_begins_and_ends_where_it_was_asked_to(parts):
    states, last, told = planned(parts, Route("maze2d-umaze", (3, 1), (1, 1)))
    assert told["way"][0] == [3.5, 1.5]
    assert told["way"][-1] == [1.5, 1.5]
    assert np.isfinite(np.array(told["way"])).all()
    assert len(states) == 4
    assert (last.kind, last.media_type, last.uncertainty) == ("plan", "application/json", None)


def test_the_shortest_way_stands_beside_it_and_is_followed(parts):
    _, _, told = planned(parts, Route("maze2d-umaze", (3, 1), (1, 1)))
    assert told["shortest"] == {"length_m": 6.0, **told["shortest"]}
    assert told["shortest"]["arrives"] is True
    assert told["shortest"]["held_steps"] == 0
    assert set(told["followed"]) == {"arrives", "seconds", "held_steps"}
    assert 0 <= told["wall_share"] <= 1


def test_a_seed_fixes_the_way(parts):
    route = Route("maze2d-umaze", (3, 1), (1, 1))
    ways = [planned(parts, route, seed=seed)[2]["way"] for seed in (1, 1, 2)]
    assert ways[0] == ways[1] != ways[2]


def test_a_written_maze_is_shown_with_its_ends_and_a_named_one_by_its_name():
    rows = "####\n#..#\n####"
    assert layout(maze(rows), Route(rows, (1, 1), (1, 2))) == "plan maze\n####\n#SG#\n####"
    assert layout(MAZES["maze2d-large"], Route("maze2d-large", (1, 1), (1, 2))) == "plan maze2d-large"


def test_a_canvas_is_read_in_cells_row_before_column():
    canvas = np.zeros((64, 6, 4), np.float32)
    canvas[..., 0], canvas[..., 1] = (2.5 - 4.5) / 2, (6.5 - 4.5) / 2
    way = places(canvas.reshape(64, 24))
    assert way.shape == (64, 2)
    np.testing.assert_allclose(way, np.full_like(way, (6.5, 2.5)))
    canvas[3, :, 1] += (-1, 1, -1, 1, -1, 1)
    np.testing.assert_allclose(places(canvas.reshape(64, 24)), way, atol=1e-6)


@pytest.mark.parametrize(
    ("route", "field"),
    [
        (Route("maze2d-umaze", (0, 0), (1, 1)), "start"),
        (Route("maze2d-umaze", (1, 1), (9, 9)), "goal"),
        (Route("#####\n#.#.#\n#####", (1, 1), (1, 3)), "goal"),
        (Route("narnia", (1, 1), (1, 3)), "maze"),
    ],
)
def test_ends_without_a_way_are_refused_by_name(parts, route, field):
    with pytest.raises(InvalidInput) as refused:
        planned(parts, route)
    assert refused.value.field == field


def test_a_network_without_plans_says_so(parts):
    world = Parts(markov_world(), parts.vocabulary, parts.coders)
    with pytest.raises(Unsupported):
        planned(world, Route("maze2d-umaze", (3, 1), (1, 1)))
