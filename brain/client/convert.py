"""Our messages to the wire and the daemon's answers back: the client's half. Nothing is checked or decided here."""

from __future__ import annotations

from typing import Any, TypeVar

from brain.base.errors import InvalidInput
from brain.base.messages import Accepted, PartialState, Place, Request, Response, Settings, Timings
from brain.base.reports import BrainReport, Memory, ModelReport, Status
from brain.wire.aios.v1 import control_pb2, generation_pb2, memory_pb2, model_pb2

Wire = TypeVar("Wire", generation_pb2.DecodeSettings, generation_pb2.GenerateRequest, generation_pb2.InfillRequest)
WireEvent = generation_pb2.GenerateResponse | generation_pb2.InfillResponse


def generate_request(request: Request) -> generation_pb2.GenerateRequest:
    """A request to continue."""
    wire = generation_pb2.GenerateRequest(turns=request.turns, settings=_settings(request.settings))
    return _filled(
        wire,
        request_id=request.request_id,
        prompt=request.prompt,
        modality=request.modality,
        model=request.model,
        chat=request.chat,
        memories=request.memories,
    )


def infill_request(request: Request) -> generation_pb2.InfillRequest:
    """A request to fill its hole; it has one."""
    hole = request.hole
    return _filled(
        generation_pb2.InfillRequest(settings=_settings(request.settings)),
        request_id=request.request_id,
        before=hole.before if hole else "",
        after=hole.after if hole else "",
        hole_tokens=hole.tokens if hole else 0,
        modality=request.modality,
        model=request.model,
    )


def event(wire: WireEvent) -> Accepted | PartialState | Response | None:
    """One message of a stream; None for a kind that this client does not know."""
    match wire.WhichOneof("event"):
        case "accepted":
            return Accepted(wire.accepted.request_id, wire.accepted.queue_position)
        case "partial":
            return _partial(wire.partial)
        case "final":
            return _response(wire.final)
        case _:
            return None


def memory(wire: memory_pb2.Memory) -> Memory:
    """A memory."""
    return Memory(wire.name, wire.text, wire.source, wire.created_unix_s, wire.similarity)


def model(wire: model_pb2.Model) -> ModelReport:
    """A model's report."""
    return ModelReport(
        name=wire.name,
        parameters=wire.parameters,
        weight_bytes=wire.weight_bytes,
        scheme=wire.scheme,
        loaded=wire.loaded,
        is_default=wire.is_default,
        warning=wire.warning,
        problem=wire.problem,
    )


def status(wire: control_pb2.GetStatusResponse) -> Status:
    """The daemon's status."""
    return Status(**{field.name: getattr(wire, field.name) for field in wire.DESCRIPTOR.fields})


def brain(wire: control_pb2.BrainVersion) -> BrainReport:
    """A version of the brain."""
    return BrainReport(
        version=wire.version,
        state=wire.state,
        own=tuple(wire.own),
        calls=wire.calls,
        failed=wire.failed,
        uncertainty=wire.uncertainty,
        watched_calls=wire.watched_calls,
        why=wire.why,
    )


def _settings(settings: Settings) -> generation_pb2.DecodeSettings:
    return _filled(generation_pb2.DecodeSettings(), **vars(settings))


def _filled(wire: Wire, **values: Any) -> Wire:
    """``wire`` with its plain fields set; a value that a field's type cannot hold is refused by the field's name."""
    for name, value in values.items():
        try:
            setattr(wire, name, value)
        except (ValueError, TypeError, UnicodeEncodeError) as error:
            raise InvalidInput(f"{name} is {value!r}"[:200], hint=f"it cannot be sent: {error}", field=name) from error
    return wire


def _partial(wire: generation_pb2.PartialState) -> PartialState:
    canvas = tuple(Place(place.text, place.masked, place.confidence) for place in wire.canvas)
    return PartialState(wire.step, wire.passes, wire.settled, canvas)


def _response(wire: generation_pb2.Final) -> Response:
    return Response(
        request_id=wire.request_id,
        text=wire.text,
        tokens=tuple(wire.tokens),
        pieces=tuple(wire.pieces),
        uncertainty=wire.uncertainty,
        token_uncertainty=tuple(wire.token_uncertainty),
        passes=wire.passes,
        stopped=wire.stopped,
        model=wire.model,
        brain=wire.brain,
        timings=Timings(wire.queued_s, wire.first_state_s, wire.total_s),
        memories=tuple(wire.memories),
        warning=wire.warning,
    )
