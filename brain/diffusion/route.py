"""From a way that is asked for to a plan and what a simulator makes of it, as JSON. It knows no queue."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from brain.backends.body import CancelToken, Floats
from brain.base.errors import InternalError, InvalidInput
from brain.base.messages import CanvasRequest, CanvasResponse, CanvasState, Route, Timings
from brain.diffusion.caption import PLAN_BYTES, spelt_caption
from brain.diffusion.coders import Parts
from brain.diffusion.flow import PREFIX_PASSES, CanvasPlan, flown
from brain.planning.maze import Cell, Maze, Places, maze, middles, shortest
from brain.planning.point_mass import RADIUS_M, Run, follow, length_m
from brain.sampling.continuous.contract import FlowState

VECTORS: Final = 64
STATES: Final = 6
"""States of a vector: column, row, and their speeds; the first vector is the start, the last the goal, six times."""
MIDDLE: Final = 4.5
SCALE: Final = 2.0
"""A place p is the number (p - MIDDLE) / SCALE, whatever the maze."""


def plan(
    parts: Parts, request: CanvasRequest, route: Route, cancel: CancelToken | None
) -> Iterator[CanvasState | CanvasResponse]:
    """Yield a state after every step, then the response with the plan as JSON.

    The JSON holds ``maze`` (its rows), ``start``, ``goal``, ``way`` (places in cells, [row, column]), ``length_m``,
    ``wall_share`` (of the way's places with a ball of 0.1 m in a wall), ``followed`` (the simulator: ``arrives``,
    ``seconds``, ``held_steps``), and ``shortest``, the same of the shortest way over cells: the rival that knows the
    map. Nothing of the way is mended.

    Raises: InvalidInput for a maze that is none, an end in a wall, ends without a way between them.
    """
    within = maze(route.maze)
    cells = _checked(within, route)
    spec = parts.body.spec
    known, fixed = _ends(route, spec.kinds["plan"].channels if "plan" in spec.kinds else 0)
    caption = spelt_caption(layout(within, route), "plan", PLAN_BYTES, spec, parts.vocabulary)
    last: FlowState | None = None
    for state in flown(parts.body, CanvasPlan("plan", caption, known, fixed), request.flow, cancel):
        last = state
        yield CanvasState(state.step, PREFIX_PASSES + state.passes, state.steps)
    if last is None:
        raise InternalError("a flow ended without a state")
    yield CanvasResponse(
        request_id=request.request_id,
        kind="plan",
        media_type="application/json",
        data=json.dumps(_told(within, route, places(last.x), cells)).encode(),
        passes=PREFIX_PASSES + last.passes,
        seed=request.flow.seed,
        model=spec.name,
        brain="",
        timings=Timings(0.0, 0.0, 0.0),
    )


def layout(within: Maze, route: Route) -> str:
    """The caption of a plan: the maze's name, or its rows with S and G in place of the ends, as in training."""
    if within.name:
        return f"plan {within.name}"
    rows = [list(row) for row in within.rows]
    for (row, column), mark in ((route.start, "S"), (route.goal, "G")):
        rows[row][column] = mark
    return "plan maze\n" + "\n".join("".join(row) for row in rows)


def places(canvas: Floats) -> Places:
    """The way [64, 2] (row, column) of a canvas [64, 24]: of each vector the mean place of its six states.

    The states of a vector differ by noise that the network leaves in them; read one by one they tremble to four times
    the length of the way, their means do not.
    """
    states = canvas.astype(np.float64).reshape(VECTORS, STATES, 4)[..., 1::-1]
    return np.asarray(states.mean(axis=1) * SCALE + MIDDLE)


def _checked(within: Maze, route: Route) -> list[Cell]:
    """The cells of the shortest way; refused where an end is no free cell or nothing joins them."""
    for field, cell in (("start", route.start), ("goal", route.goal)):
        if not within.is_free(cell):
            hint = "row,column of a free cell, counted from 0 at the top left"
            raise InvalidInput(f"the {field} {cell} is in a wall or outside", hint=hint, field=field)
    cells = shortest(within, route.start, route.goal)
    if not cells:
        raise InvalidInput("no way joins start and goal", hint="choose ends in one part of the maze", field="goal")
    return cells


def _ends(route: Route, channels: int) -> tuple[Floats, NDArray[np.bool_]]:
    """``known`` and ``fixed`` of a plan: start and goal at rest."""
    known = np.zeros((VECTORS, channels), np.float32)
    fixed = np.zeros(VECTORS, np.bool_)
    for vector, cell in ((0, route.start), (-1, route.goal)) if channels else ():
        row, column = (np.array(cell) + 0.5 - MIDDLE) / SCALE
        known[vector] = np.tile([column, row, 0.0, 0.0], STATES)
        fixed[vector] = True
    return known, fixed


def _told(within: Maze, route: Route, way: Places, cells: list[Cell]) -> dict[str, object]:
    goal, over_cells = middles([route.goal])[0], middles(cells)
    return {
        "maze": list(within.rows),
        "start": list(route.start),
        "goal": list(route.goal),
        "way": np.round(way, 3).tolist(),
        "length_m": round(length_m(way), 3),
        "wall_share": round(float(within.touches(way, RADIUS_M).mean()), 4),
        "followed": _run(follow(within, way, goal)),
        "shortest": {"length_m": round(length_m(over_cells), 3), **_run(follow(within, over_cells, goal))},
    }


def _run(run: Run) -> dict[str, object]:
    return {"arrives": run.arrives, "seconds": round(run.seconds, 2), "held_steps": run.held_steps}
