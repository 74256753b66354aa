"""``aios plan``: a maze and two ends to a way, and whether a simulator can follow it."""

from __future__ import annotations

import argparse
import json
import uuid
from pathlib import Path
from typing import Any

from brain.base.errors import InvalidInput
from brain.base.messages import ROUTE_FLOW, CanvasRequest, Route
from brain.cli import making
from brain.cli.connection import connected

MAZE_LIMIT_BYTES = 4096


def plan(words: argparse.Namespace) -> int:
    """Plan a way and print it: the maze with the way drawn in, its length, the simulator's verdict."""
    maze = words.maze
    if Path(maze).is_file():
        maze = making.read(Path(maze), MAZE_LIMIT_BYTES).decode("utf-8", errors="replace")
    request = CanvasRequest(
        request_id=uuid.uuid4().hex,
        subject=Route(maze, cell("start", words.start), cell("goal", words.goal)),
        model=words.model,
        deadline_s=words.deadline,
        flow=making.flow_of(words, ROUTE_FLOW),
    )
    with connected() as client:
        response, _ = making.made(client, request, words)
    told = json.loads(response.data)
    if not words.json:
        print("\n".join(lines(told)))
    making.finish(response, words, plan=told)
    return 0


def cell(name: str, text: str) -> tuple[int, int]:
    """``row,column`` as two numbers."""
    row, _, column = text.partition(",")
    if not (row.strip().isdecimal() and column.strip().isdecimal()):
        raise InvalidInput(f"--{name} is {text!r}", hint="row,column, counted from 0 at the top left", field=name)
    return int(row), int(column)


def lines(told: dict[str, Any]) -> list[str]:
    """What is printed of a plan: ``o`` marks cells that the way visits, ``x`` walls that it runs into."""
    drawn = [list(row) for row in told["maze"]]
    for row, column in ((int(place[0] // 1), int(place[1] // 1)) for place in told["way"]):
        if 0 <= row < len(drawn) and 0 <= column < len(drawn[0]):
            drawn[row][column] = "x" if drawn[row][column] in {"#", "x"} else "o"
    for mark, (row, column) in (("S", told["start"]), ("G", told["goal"])):
        drawn[row][column] = mark
    rival = told["shortest"]
    return [
        *("".join(row) for row in drawn),
        f"way {told['length_m']:.2f} m, {told['wall_share']:.0%} of its places in a wall; simulator: "
        f"{_verdict(told['followed'])}",
        f"shortest over cells {rival['length_m']:.2f} m; simulator: {_verdict(rival)}",
    ]


def _verdict(run: dict[str, Any]) -> str:
    arrived = f"arrives after {run['seconds']:.2f} s" if run["arrives"] else "does not arrive"
    return f"{arrived}, held by walls in {run['held_steps']} steps"
