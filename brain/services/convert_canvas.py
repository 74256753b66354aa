"""Wire messages of pictures, speech and plans to our own and back: nothing is decided and no range is checked here."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from brain.base.messages import (
    PICTURE_FLOW,
    ROUTE_FLOW,
    SPEECH_FLOW,
    Accepted,
    CanvasRequest,
    CanvasResponse,
    CanvasState,
    FlowSettings,
    Picture,
    Route,
    Speech,
)
from brain.services.convert import accepted
from brain.wire.aios.v1 import generation_pb2

CanvasEvent = Accepted | CanvasState | CanvasResponse

_FLOW: Final = ("sampler", "steps", "guidance", "grid", "seed")


def draw_request(wire: generation_pb2.DrawRequest, request_id: str, deadline_s: float) -> CanvasRequest:
    """A call of Draw under the id it is known by."""
    picture = Picture(caption=wire.caption, source=wire.source, mask=wire.mask)
    for name in ("style", "strength"):
        if wire.HasField(name):
            picture = replace(picture, **{name: getattr(wire, name)})
    return CanvasRequest(
        request_id=request_id,
        subject=picture,
        model=wire.model.removeprefix("models/"),
        deadline_s=deadline_s,
        flow=_flow(wire.flow, PICTURE_FLOW),
        watch=wire.watch,
    )


def speak_request(wire: generation_pb2.SpeakRequest, request_id: str, deadline_s: float) -> CanvasRequest:
    """A call of Speak under the id it is known by."""
    return CanvasRequest(
        request_id=request_id,
        subject=Speech(wire.text),
        model=wire.model.removeprefix("models/"),
        deadline_s=deadline_s,
        flow=_flow(wire.flow, SPEECH_FLOW),
        watch=wire.watch,
    )


def plan_request(wire: generation_pb2.PlanRequest, request_id: str, deadline_s: float) -> CanvasRequest:
    """A call of Plan under the id it is known by."""
    start, goal = ((cell.row, cell.column) for cell in (wire.start, wire.goal))
    return CanvasRequest(
        request_id=request_id,
        subject=Route(wire.maze, start, goal),
        model=wire.model.removeprefix("models/"),
        deadline_s=deadline_s,
        flow=_flow(wire.flow, ROUTE_FLOW),
    )


def draw_response(event: CanvasEvent) -> generation_pb2.DrawResponse:
    """One message of Draw's stream."""
    match event:
        case Accepted():
            return generation_pb2.DrawResponse(accepted=accepted(event))
        case CanvasState():
            return generation_pb2.DrawResponse(state=_state(event))
        case CanvasResponse():
            return generation_pb2.DrawResponse(final=_final(event))


def speak_response(event: CanvasEvent) -> generation_pb2.SpeakResponse:
    """One message of Speak's stream."""
    match event:
        case Accepted():
            return generation_pb2.SpeakResponse(accepted=accepted(event))
        case CanvasState():
            return generation_pb2.SpeakResponse(state=_state(event))
        case CanvasResponse():
            return generation_pb2.SpeakResponse(final=_final(event))


def plan_response(event: CanvasEvent) -> generation_pb2.PlanResponse:
    """One message of Plan's stream."""
    match event:
        case Accepted():
            return generation_pb2.PlanResponse(accepted=accepted(event))
        case CanvasState():
            return generation_pb2.PlanResponse(state=_state(event))
        case CanvasResponse():
            return generation_pb2.PlanResponse(final=_final(event))


def _flow(wire: generation_pb2.FlowSettings, usual: FlowSettings) -> FlowSettings:
    named = {name: getattr(wire, name) for name in _FLOW if wire.HasField(name)}
    return replace(usual, **named, times=tuple(wire.times) or usual.times)


def _state(state: CanvasState) -> generation_pb2.CanvasState:
    return generation_pb2.CanvasState(step=state.step, passes=state.passes, steps=state.steps, preview=state.preview)


def _final(response: CanvasResponse) -> generation_pb2.CanvasFinal:
    return generation_pb2.CanvasFinal(
        request_id=response.request_id,
        kind=response.kind,
        media_type=response.media_type,
        data=response.data,
        passes=response.passes,
        seed=response.seed,
        uncertainty=response.uncertainty,
        model=response.model,
        brain=response.brain,
        queued_s=response.timings.queued_s,
        first_state_s=response.timings.first_state_s,
        total_s=response.timings.total_s,
        warning=response.warning,
    )
