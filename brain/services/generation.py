"""GenerationService over the engine: a name for calls that have none, a line in the log, the stream. No sampling."""

# ruff: noqa: N802 (gRPC names the methods)

from __future__ import annotations

import hashlib
import logging
import secrets
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any, Final, final

from grpc.aio import ServicerContext

from brain.base.messages import (
    Accepted,
    Asked,
    CanvasRequest,
    CanvasResponse,
    CanvasState,
    PartialState,
    Picture,
    Request,
    Response,
    Route,
    Speech,
)
from brain.engine.engine import Engine
from brain.services import convert, convert_canvas
from brain.wire.aios.v1 import generation_pb2, generation_pb2_grpc

_LOG: Final = logging.getLogger("aios.generation")


@final
class GenerationServicer(generation_pb2_grpc.GenerationServiceServicer):
    """Streams Accepted, states and one Final a call. A caller's deadline counts, up to ``max_deadline_s``."""

    def __init__(self, engine: Engine, max_deadline_s: float) -> None:
        self._engine = engine
        self._max_deadline_s = max_deadline_s

    async def Generate(
        self, request: generation_pb2.GenerateRequest, context: ServicerContext[Any, Any]
    ) -> AsyncGenerator[generation_pb2.GenerateResponse]:
        """Continues a prompt or answers in a conversation."""
        asked = convert.generate_request(request, _named(request.request_id), self._deadline_s(context))
        async with aclosing(self._run(asked)) as events:
            async for event in events:
                yield convert.generate_response(event)

    async def Infill(
        self, request: generation_pb2.InfillRequest, context: ServicerContext[Any, Any]
    ) -> AsyncGenerator[generation_pb2.InfillResponse]:
        """Fills a hole between two texts, both of them seen."""
        asked = convert.infill_request(request, _named(request.request_id), self._deadline_s(context))
        async with aclosing(self._run(asked)) as events:
            async for event in events:
                yield convert.infill_response(event)

    async def Draw(
        self, request: generation_pb2.DrawRequest, context: ServicerContext[Any, Any]
    ) -> AsyncGenerator[generation_pb2.DrawResponse]:
        """Draws a picture."""
        asked = convert_canvas.draw_request(request, _named(request.request_id), self._deadline_s(context))
        async with aclosing(self._make(asked)) as events:
            async for event in events:
                yield convert_canvas.draw_response(event)

    async def Speak(
        self, request: generation_pb2.SpeakRequest, context: ServicerContext[Any, Any]
    ) -> AsyncGenerator[generation_pb2.SpeakResponse]:
        """Says a text."""
        asked = convert_canvas.speak_request(request, _named(request.request_id), self._deadline_s(context))
        async with aclosing(self._make(asked)) as events:
            async for event in events:
                yield convert_canvas.speak_response(event)

    async def Plan(
        self, request: generation_pb2.PlanRequest, context: ServicerContext[Any, Any]
    ) -> AsyncGenerator[generation_pb2.PlanResponse]:
        """Plans a way through a maze."""
        asked = convert_canvas.plan_request(request, _named(request.request_id), self._deadline_s(context))
        async with aclosing(self._make(asked)) as events:
            async for event in events:
                yield convert_canvas.plan_response(event)

    async def _run(self, request: Request) -> AsyncGenerator[Accepted | PartialState | Response]:
        async with aclosing(self._engine.submit(request)) as events:
            async for event in events:
                _log(request, event)
                yield event

    async def _make(self, request: CanvasRequest) -> AsyncGenerator[Accepted | CanvasState | CanvasResponse]:
        async with aclosing(self._engine.submit(request)) as events:
            async for event in events:
                _log(request, event)
                yield event

    def _deadline_s(self, context: ServicerContext[Any, Any]) -> float:
        remaining = context.time_remaining()
        return self._max_deadline_s if remaining is None else min(max(remaining, 1e-3), self._max_deadline_s)


def _named(request_id: str) -> str:
    return request_id or secrets.token_hex(8)


def _log(request: Asked, event: object) -> None:
    """A line when a call is taken and one when it is finished."""
    if isinstance(event, Accepted):
        _LOG.info("accepted", extra=_told(request) | {"queue_position": event.queue_position})
    elif isinstance(event, Response | CanvasResponse):
        seconds = round(event.timings.total_s, 4)
        told = {"request_id": event.request_id, "model": event.model, "brain": event.brain}
        _LOG.info("finished", extra=told | {"passes": event.passes, "seconds": seconds})


def _told(request: Asked) -> dict[str, str | int]:
    """What the log may know of a request: of the user's words a hash and a length."""
    kind, way, words = _words(request)
    data = words.encode("utf-8", "replace")
    return {
        "request_id": request.request_id,
        "modality": kind,
        "way": way,
        "prompt_bytes": len(data),
        "prompt_sha256": hashlib.sha256(data).hexdigest()[:12],
    }


def _words(request: Asked) -> tuple[str, str, str]:
    """The kind, the way and the user's words of a request."""
    if isinstance(request, CanvasRequest):
        match request.subject:
            case Picture(caption=caption, style=style):
                return "image", request.flow.sampler, f"{caption}\0{style}"
            case Speech(text):
                return "audio", request.flow.sampler, text
            case Route(maze, start, goal):
                return "plan", request.flow.sampler, f"{maze}\0{start}\0{goal}"
    words = "\0".join((request.prompt, *request.turns))
    if request.hole:
        words = f"{request.hole.before}\0{request.hole.after}"
    return request.modality, request.settings.way, words
