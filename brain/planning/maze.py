"""Mazes as rows of characters, those that come with aios, and the shortest way through one. It moves nothing.

Places are (row, column) in cells from the top left corner, so the middle of cell (r, c) is (r + 0.5, c + 0.5); a cell
is one metre wide.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, final

import numpy as np
from numpy.typing import NDArray

from brain.base.errors import InvalidInput

WALL: Final = "#"
FREE: Final = frozenset(".OSG ")
"""What a free cell may be written as."""
MOST_ROWS: Final = 9
MOST_COLUMNS: Final = 12

Cell = tuple[int, int]
Places = NDArray[np.float64]


@final
@dataclass(frozen=True)
class Maze:
    """Rows of # (wall) and . (free), all equally long; ``name`` is "" for one that was written out."""

    name: str
    rows: tuple[str, ...]

    def is_free(self, cell: Cell) -> bool:
        """Whether a cell is inside and no wall."""
        row, column = cell
        inside = 0 <= row < len(self.rows) and 0 <= column < len(self.rows[0])
        return inside and self.rows[row][column] != WALL

    def holds(self, row: float, column: float, radius: float) -> bool:
        """Whether a ball of ``radius`` at one place lies partly in a wall or outside."""
        around = ((row + radius, column), (row - radius, column), (row, column + radius), (row, column - radius))
        return not all(self.is_free((math.floor(r), math.floor(c))) for r, c in around)

    def touches(self, places: Places, radius: float) -> NDArray[np.bool_]:
        """Which of ``places`` [n, 2] ``holds`` says of."""
        return np.array([self.holds(float(row), float(column), radius) for row, column in places], dtype=np.bool_)


def maze(text: str) -> Maze:
    """The maze of that name, or the one whose rows ``text`` holds.

    Raises: InvalidInput for a name that is not there; rows of unequal length, of other characters than # and a free
    cell's, or with an open border; more than 9 rows or 12 columns, the most that the model has met.
    """
    if text in MAZES:
        return MAZES[text]
    rows = tuple(text.strip("\r\n").replace("\r\n", "\n").split("\n"))
    if len(rows) == 1 and WALL not in text:
        raise InvalidInput(f"no maze {text[:40]!r}", hint=f"{', '.join(MAZES)}; or rows of # and .", field="maze")
    if len(rows) > MOST_ROWS or max(len(row) for row in rows) > MOST_COLUMNS or min(len(rows), len(rows[0])) < 3:
        size = f"{len(rows)} rows of {max(len(row) for row in rows)}"
        raise InvalidInput(f"the maze has {size}", hint=f"3 to {MOST_ROWS} rows of 3 to {MOST_COLUMNS}", field="maze")
    for number, row in enumerate(rows):
        if len(row) != len(rows[0]) or not set(row) <= {WALL, *FREE}:
            hint = f"every row {len(rows[0])} characters of # (wall) and . (free)"
            raise InvalidInput(f"row {number} of the maze is {row[:40]!r}", hint=hint, field="maze")
    border = rows[0] + rows[-1] + "".join(row[0] + row[-1] for row in rows)
    if set(border) != {WALL}:
        raise InvalidInput("the maze has an open border", hint="close it with #", field="maze")
    return Maze("", tuple("".join(WALL if mark == WALL else "." for mark in row) for row in rows))


def shortest(within: Maze, start: Cell, goal: Cell) -> list[Cell]:
    """The cells of a shortest way, both ends included; empty where there is none. Breadth first: Moore 1959."""
    before: dict[Cell, Cell | None] = {start: None}
    line = deque([start])
    while line and goal not in before:
        row, column = line.popleft()
        for step in ((row, column + 1), (row + 1, column), (row, column - 1), (row - 1, column)):
            if step not in before and within.is_free(step):
                before[step] = (row, column)
                line.append(step)
    way: list[Cell] = []
    at: Cell | None = goal if goal in before else None
    while at is not None:
        way.append(at)
        at = before[at]
    return way[::-1]


def middles(cells: list[Cell]) -> Places:
    """The middles [n, 2] of cells."""
    return np.array(cells, dtype=np.float64).reshape(-1, 2) + 0.5


def _named(name: str, *rows: str) -> tuple[str, Maze]:
    return name, Maze(name, rows)


MAZES: Final[Mapping[str, Maze]] = MappingProxyType(
    dict(
        (
            _named("maze2d-umaze", "#####", "#...#", "###.#", "#...#", "#####"),
            _named(
                "maze2d-medium",
                *("########", "#..##..#", "#..#...#", "##...###", "#..#...#", "#.#..#.#", "#...#..#", "########"),
            ),
            _named(
                "maze2d-large",
                *("############", "#....#.....#", "#.##.#.#.#.#", "#......#...#", "#.####.###.#"),
                *("#..#.#.....#", "##.#.#.#.###", "#..#...#...#", "############"),
            ),
        )
    )
)
"""The mazes that the model knows by name. Source: Fu et al. 2020, arXiv:2004.07219 (D4RL, maze2d)."""
