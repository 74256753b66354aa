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

from brain.base.messages import Accepted, PartialState, Request, Response
from brain.engine.engine import Engine
from brain.services import convert
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

    async def _run(self, request: Request) -> AsyncGenerator[Accepted | PartialState | Response]:
        async with aclosing(self._engine.submit(request)) as events:
            async for event in events:
                if isinstance(event, Accepted):
                    _LOG.info("accepted", extra=_told(request) | {"queue_position": event.queue_position})
                elif isinstance(event, Response):
                    seconds = round(event.timings.total_s, 4)
                    told = {"request_id": event.request_id, "model": event.model, "brain": event.brain}
                    _LOG.info("finished", extra=told | {"passes": event.passes, "seconds": seconds})
                yield event

    def _deadline_s(self, context: ServicerContext[Any, Any]) -> float:
        remaining = context.time_remaining()
        return self._max_deadline_s if remaining is None else min(max(remaining, 1e-3), self._max_deadline_s)


def _named(request_id: str) -> str:
    return request_id or secrets.token_hex(8)


def _told(request: Request) -> dict[str, str | int]:
    """What the log may know of a request: of the user's words a hash and a length."""
    words = "\0".join((request.prompt, *request.turns))
    if request.hole:
        words = f"{request.hole.before}\0{request.hole.after}"
    data = words.encode("utf-8", "replace")
    return {
        "request_id": request.request_id,
        "modality": request.modality,
        "way": request.settings.way,
        "prompt_bytes": len(data),
        "prompt_sha256": hashlib.sha256(data).hexdigest()[:12],
    }
