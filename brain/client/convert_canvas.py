"""Requests for pictures, speech and plans to the wire, and their events back: the client's half. Nothing is checked."""

from __future__ import annotations

from typing import Any, TypeVar

from brain.base.errors import InvalidInput
from brain.base.messages import (
    Accepted,
    CanvasRequest,
    CanvasResponse,
    CanvasState,
    FlowSettings,
    Picture,
    Route,
    Speech,
    Timings,
)
from brain.wire.aios.v1 import generation_pb2

CanvasWire = generation_pb2.DrawRequest | generation_pb2.SpeakRequest | generation_pb2.PlanRequest
WireEvent = generation_pb2.DrawResponse | generation_pb2.SpeakResponse | generation_pb2.PlanResponse
_Wire = TypeVar("_Wire", bound=Any)


def canvas_request(request: CanvasRequest) -> CanvasWire:
    """The message of the call that makes ``request.subject``."""
    flow, model = _flow(request.flow), request.model
    match request.subject:
        case Picture() as picture:
            drawn = generation_pb2.DrawRequest(flow=flow, watch=request.watch)
            return _filled(drawn, request_id=request.request_id, model=model, **vars(picture))
        case Speech(text):
            said = generation_pb2.SpeakRequest(flow=flow, watch=request.watch)
            return _filled(said, request_id=request.request_id, model=model, text=text)
        case Route(maze, start, goal):
            planned = generation_pb2.PlanRequest(flow=flow, start=_cell("start", start), goal=_cell("goal", goal))
            return _filled(planned, request_id=request.request_id, model=model, maze=maze)


def event(wire: WireEvent) -> Accepted | CanvasState | CanvasResponse | None:
    """One message of a stream; None for a kind that this client does not know."""
    match wire.WhichOneof("event"):
        case "accepted":
            return Accepted(wire.accepted.request_id, wire.accepted.queue_position)
        case "state":
            return CanvasState(wire.state.step, wire.state.passes, wire.state.steps, wire.state.preview)
        case "final":
            return _response(wire.final)
        case _:
            return None


def _flow(flow: FlowSettings) -> generation_pb2.FlowSettings:
    values = dict(vars(flow))
    return _filled(generation_pb2.FlowSettings(times=values.pop("times")), **values)


def _cell(name: str, cell: tuple[int, int]) -> generation_pb2.Cell:
    try:
        return generation_pb2.Cell(row=cell[0], column=cell[1])
    except (ValueError, TypeError) as error:
        raise InvalidInput(f"{name} is {cell}", hint="row, column, both counted from 0", field=name) from error


def _filled(wire: _Wire, **values: Any) -> _Wire:
    """``wire`` with its plain fields set; a value that a field's type cannot hold is refused by the field's name."""
    for name, value in values.items():
        try:
            setattr(wire, name, value)
        except (ValueError, TypeError, UnicodeEncodeError) as error:
            raise InvalidInput(f"{name} is {value!r}"[:200], hint=f"it cannot be sent: {error}", field=name) from error
    return wire


def _response(wire: generation_pb2.CanvasFinal) -> CanvasResponse:
    return CanvasResponse(
        request_id=wire.request_id,
        kind=wire.kind,
        media_type=wire.media_type,
        data=wire.data,
        passes=wire.passes,
        seed=wire.seed,
        uncertainty=wire.uncertainty if wire.HasField("uncertainty") else None,
        model=wire.model,
        brain=wire.brain,
        timings=Timings(wire.queued_s, wire.first_state_s, wire.total_s),
        warning=wire.warning,
    )
