"""A point of mass in a maze that follows a way: whether it arrives, when, and what it touches. It plans nothing."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, final

import numpy as np

from brain.base.errors import InvalidInput
from brain.planning.maze import Maze, Places

STEP_S: Final = 0.01
MASS_KG: Final = 4.18879
FORCE_N: Final = 100.0
DAMPING: Final = 1.0
FASTEST_M_S: Final = 5.0
RADIUS_M: Final = 0.1
ARRIVED_M: Final = 0.5
"""Within this distance of the goal it counts as there."""
LIMIT_S: Final = 20.0

_GAIN: Final = 10.0
_CRUISE_M_S: Final = 2.0
_REACHED_M: Final = 0.2


@final
@dataclass(frozen=True)
class Run:
    """How a way was followed: whether the goal was reached, after how many seconds, steps in which a wall held it."""

    arrives: bool
    seconds: float
    held_steps: int


def follow(within: Maze, way: Places, goal: Places) -> Run:
    """Let a ball at rest at ``way[0]`` follow the places ``way`` [n, 2] until it is at ``goal`` [2] or time is up.

    A proportional law on the place gives the wanted velocity, a derivative one the force; a wall stops the part of the
    motion that goes into it. Each place of the way is done when the ball comes within 0.2 m of it.

    Units:   metres (cells), seconds; gives up after 20 s of simulated time.
    Cost:    a step of plain arithmetic per 0.01 s.
    Raises:  InvalidInput for an empty way.
    Source:  de Lazcano et al. 2023, Gymnasium-Robotics PointMaze (mass, force, damping, step, bound of speed, radius);
             Fu et al. 2020, arXiv:2004.07219 (proportional-derivative following, arrival within 0.5 m).
    """
    if len(way) == 0:
        raise InvalidInput("an empty way cannot be followed", field="way")
    marks: list[tuple[float, float]] = [(float(row), float(column)) for row, column in way]
    end = (float(goal[0]), float(goal[1]))
    place, speed, number, held = marks[0], (0.0, 0.0), 0, 0
    for step in range(round(LIMIT_S / STEP_S)):
        if math.dist(end, place) <= ARRIVED_M:
            return Run(True, step * STEP_S, held)
        while number < len(marks) - 1 and math.dist(marks[number], place) < _REACHED_M:
            number += 1
        wanted = _wanted(place, marks[number])
        speed = _pushed(speed[0], wanted[0]), _pushed(speed[1], wanted[1])
        rows, columns = place[0] + STEP_S * speed[0], place[1] + STEP_S * speed[1]
        if held_row := within.holds(rows, place[1], RADIUS_M):
            rows, speed = place[0], (0.0, speed[1])
        if held_column := within.holds(rows, columns, RADIUS_M):
            columns, speed = place[1], (speed[0], 0.0)
        place = rows, columns
        held += held_row or held_column
    return Run(False, LIMIT_S, held)


def _wanted(place: tuple[float, float], mark: tuple[float, float]) -> tuple[float, float]:
    """The wanted velocity from ``place`` to ``mark``, no faster than the cruise."""
    rows, columns = _GAIN * (mark[0] - place[0]), _GAIN * (mark[1] - place[1])
    share = min(1.0, _CRUISE_M_S / max(math.hypot(rows, columns), 1e-9))
    return rows * share, columns * share


def _pushed(speed: float, wanted: float) -> float:
    """The speed along one axis after a step under the force that the law asks for."""
    force = FORCE_N * max(-1.0, min(1.0, wanted - speed))
    ahead = speed + STEP_S * (force - DAMPING * speed) / MASS_KG
    return max(-FASTEST_M_S, min(FASTEST_M_S, ahead))


def length_m(way: Places) -> float:
    """The length of a way of places [n, 2]."""
    return float(np.hypot(*np.diff(way, axis=0).T).sum())
