"""Wire messages to our own and back: nothing is decided and no range is checked here (``engine/admission.py`` does)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from brain.base.messages import EVERYDAY, Accepted, Hole, PartialState, Request, Response, Settings
from brain.base.reports import BrainReport, Memory, ModelReport, Status
from brain.wire.aios.v1 import control_pb2, generation_pb2, memory_pb2, model_pb2

_SETTINGS: Final = tuple(field.name for field in generation_pb2.DecodeSettings.DESCRIPTOR.fields)

Event = Accepted | PartialState | Response


def generate_request(wire: generation_pb2.GenerateRequest, request_id: str, deadline_s: float) -> Request:
    """A call of Generate under the id it is known by."""
    return Request(
        request_id=request_id,
        prompt=wire.prompt,
        modality=wire.modality or "text",
        model=wire.model.removeprefix("models/"),
        chat=wire.chat,
        turns=tuple(wire.turns),
        memories=wire.memories,
        deadline_s=deadline_s,
        settings=_settings(wire.settings),
    )


def infill_request(wire: generation_pb2.InfillRequest, request_id: str, deadline_s: float) -> Request:
    """A call of Infill under the id it is known by."""
    return Request(
        request_id=request_id,
        hole=Hole(before=wire.before, after=wire.after, tokens=wire.hole_tokens),
        modality=wire.modality or "text",
        model=wire.model.removeprefix("models/"),
        deadline_s=deadline_s,
        settings=_settings(wire.settings),
    )


def generate_response(event: Event) -> generation_pb2.GenerateResponse:
    """One message of Generate's stream."""
    match event:
        case Accepted():
            return generation_pb2.GenerateResponse(accepted=accepted(event))
        case PartialState():
            return generation_pb2.GenerateResponse(partial=_partial(event))
        case Response():
            return generation_pb2.GenerateResponse(final=_final(event))


def infill_response(event: Event) -> generation_pb2.InfillResponse:
    """One message of Infill's stream."""
    match event:
        case Accepted():
            return generation_pb2.InfillResponse(accepted=accepted(event))
        case PartialState():
            return generation_pb2.InfillResponse(partial=_partial(event))
        case Response():
            return generation_pb2.InfillResponse(final=_final(event))


def recall_response(memories: Iterable[Memory]) -> memory_pb2.RecallResponse:
    """The answer to Recall."""
    return memory_pb2.RecallResponse(
        memories=[
            memory_pb2.Memory(
                name=memory.name,
                text=memory.text,
                source=memory.source,
                created_unix_s=memory.created_unix_s,
                similarity=memory.similarity,
            )
            for memory in memories
        ]
    )


def models_response(reports: Iterable[ModelReport]) -> model_pb2.ListModelsResponse:
    """The answer to ListModels."""
    return model_pb2.ListModelsResponse(
        models=[
            model_pb2.Model(
                name=report.name,
                parameters=report.parameters,
                weight_bytes=report.weight_bytes,
                scheme=report.scheme,
                loaded=report.loaded,
                is_default=report.is_default,
                warning=report.warning,
                problem=report.problem,
            )
            for report in reports
        ]
    )


def status_response(status: Status) -> control_pb2.GetStatusResponse:
    """The answer to GetStatus."""
    return control_pb2.GetStatusResponse(
        state=status.state,
        pid=status.pid,
        version=status.version,
        brain=status.brain,
        model=status.model,
        backend=status.backend,
        uptime_s=status.uptime_s,
        resident_bytes=status.resident_bytes,
        running=status.running,
        queued=status.queued,
        finished=status.finished,
        failed=status.failed,
        cancelled=status.cancelled,
        memories=status.memories,
        memory_bytes=status.memory_bytes,
        cpu=status.cpu,
        recent_uncertainty=status.recent_uncertainty,
    )


def brains_response(reports: Iterable[BrainReport]) -> control_pb2.ListBrainVersionsResponse:
    """The answer to ListBrainVersions."""
    return control_pb2.ListBrainVersionsResponse(
        versions=[
            control_pb2.BrainVersion(
                version=report.version,
                state=report.state,
                own=report.own,
                calls=report.calls,
                failed=report.failed,
                uncertainty=report.uncertainty,
                watched_calls=report.watched_calls,
                why=report.why,
            )
            for report in reports
        ]
    )


def _settings(wire: generation_pb2.DecodeSettings) -> Settings:
    return replace(EVERYDAY, **{name: getattr(wire, name) for name in _SETTINGS if wire.HasField(name)})


def accepted(event: Accepted) -> generation_pb2.Accepted:
    """The message that a call was taken, the same in every stream."""
    return generation_pb2.Accepted(request_id=event.request_id, queue_position=event.queue_position)


def _partial(state: PartialState) -> generation_pb2.PartialState:
    return generation_pb2.PartialState(
        step=state.step,
        passes=state.passes,
        settled=state.settled,
        canvas=[
            generation_pb2.Place(text=place.text, masked=place.masked, confidence=place.confidence)
            for place in state.canvas
        ],
    )


def _final(response: Response) -> generation_pb2.Final:
    return generation_pb2.Final(
        request_id=response.request_id,
        text=response.text,
        tokens=response.tokens,
        pieces=response.pieces,
        uncertainty=response.uncertainty,
        token_uncertainty=response.token_uncertainty,
        passes=response.passes,
        stopped=response.stopped,
        model=response.model,
        brain=response.brain,
        queued_s=response.timings.queued_s,
        first_state_s=response.timings.first_state_s,
        total_s=response.timings.total_s,
        memories=response.memories,
        warning=response.warning,
    )
