"""Promises of mazes and of the simulator that plans are judged by."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from brain.base.errors import InvalidInput
from brain.planning.maze import MAZES, Maze, maze, middles, shortest
from brain.planning.point_mass import ARRIVED_M, LIMIT_S, follow, length_m

mazes = st.sampled_from(list(MAZES))


def free_cells(within):
    size = range(len(within.rows)), range(len(within.rows[0]))
    return [(row, column) for row in size[0] for column in size[1] if within.is_free((row, column))]


@pytest.mark.parametrize("name", MAZES)
def test_a_maze_of_ours_is_closed_and_of_one_piece(name):
    within = maze(name)
    assert maze("\n".join(within.rows)).rows == within.rows
    first, *others = free_cells(within)
    assert all(shortest(within, first, other) for other in others)


@given(name=mazes, data=st.data())
def test_a_shortest_way_goes_from_cell_to_cell_and_back_is_as_long(name, data):
    within = MAZES[name]
    start, goal = (data.draw(st.sampled_from(free_cells(within))) for _ in range(2))
    way = shortest(within, start, goal)
    assert (way[0], way[-1]) == (start, goal)
    assert all(within.is_free(cell) for cell in way)
    assert all(abs(a - c) + abs(b - d) == 1 for (a, b), (c, d) in itertools.pairwise(way))
    assert len(shortest(within, goal, start)) == len(way)


@pytest.mark.parametrize("name", MAZES)
def test_the_shortest_way_is_followed_between_the_farthest_cells_without_touching_a_wall(name):
    within = MAZES[name]
    cells = free_cells(within)
    way = max((shortest(within, cells[0], goal) for goal in cells), key=len)
    run = follow(within, middles(way), middles(way)[-1])
    assert run.arrives
    assert run.held_steps == 0
    assert run.seconds > length_m(middles(way)) / 5 - ARRIVED_M


def test_a_way_through_a_wall_is_not_followed():
    within = maze("#####\n#.#.#\n#####")
    run = follow(within, middles([(1, 1), (1, 3)]), middles([(1, 3)])[0])
    assert (run.arrives, run.seconds) == (False, LIMIT_S)
    assert run.held_steps > 100


def test_who_stands_at_the_goal_has_arrived():
    way = middles([(1, 1)])
    assert follow(MAZES["maze2d-umaze"], way, way[0]).seconds == 0


def test_an_empty_way_is_refused():
    with pytest.raises(InvalidInput, match="empty way"):
        follow(MAZES["maze2d-umaze"], np.zeros((0, 2)), np.ones(2))


def test_a_ball_touches_a_wall_within_its_radius_and_outside_is_wall():
    within = Maze("", ("###", "#.#", "###"))
    places = np.array([[1.5, 1.5], [1.5, 1.95], [1.05, 1.5], [-3.0, 1.5], [9.0, 9.0]])
    assert within.touches(places, 0.1).tolist() == [False, True, True, True, True]
    assert not within.is_free((-1, 0))


def test_no_way_is_an_empty_list():
    assert shortest(maze("#####\n#.#.#\n#####"), (1, 1), (1, 3)) == []


def test_free_cells_may_be_written_in_several_ways_and_lines_may_end_as_windows_ends_them():
    assert maze("####\r\n#O.#\r\n#SG#\r\n####\r\n").rows == ("####", "#..#", "#..#", "####")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("narnia", "no maze 'narnia'"),
        ("###\n#.#", "2 rows"),
        ("#" * 13 + "\n" + "#" * 13 + "\n" + "#" * 13, "rows of 13"),
        ("\n".join(["###"] * 10), "10 rows"),
        ("####\n#.#\n####", "row 1"),
        ("####\n#x.#\n####", "row 1"),
        ("####\n#..#\n#..#", "open border"),
    ],
)
def test_what_is_no_maze_is_refused(text, said):
    with pytest.raises(InvalidInput, match=said):
        maze(text)
