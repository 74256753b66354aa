"""The outermost layer of every call: token, deadline, decoding, and every error as a status. It knows no service."""

from __future__ import annotations

import asyncio
import hmac
import logging
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from types import TracebackType
from typing import Any, Final, NoReturn, final

import grpc
from google.protobuf.message import DecodeError
from grpc.aio import AbortError, ServerInterceptor, ServicerContext

from brain.base.errors import AiosError, DeadlineExceeded, InternalError, InvalidInput, PermissionRefused
from brain.services.statuses import DETAILS_KEY, code_of, status_of

OPEN_TO_ALL: Final = "/grpc.health.v1.Health/"
"""Whether it serves may be asked without the token; nothing else."""

_LOG: Final = logging.getLogger("aios.call")

_Context = ServicerContext[Any, Any]
_Handler = Any  # the stubs type a handler's behaviour for the synchronous server only


@final
class Door(ServerInterceptor):
    """Lets calls in that carry the token, ends them in time, and tells errors by the table of ``base/errors.py``.

    What is not an AiosError reaches a client as INTERNAL with an id alone; the log has the traceback under that id. So
    do bytes that are no message: they are decoded here, not by gRPC, which would answer with Python's words.
    Cancellation always passes through (grpc#43360).
    """

    def __init__(self, token: str, max_deadline_s: float) -> None:
        self._token = f"Bearer {token}".encode()
        self._max_deadline_s = max_deadline_s

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[_Handler]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> _Handler:
        """The handler of the call, wrapped; None, which gRPC answers with UNIMPLEMENTED, when there is none."""
        handler = await continuation(handler_call_details)
        if handler is None:
            return handler
        method = handler_call_details.method
        allowed = method.startswith(OPEN_TO_ALL) or self._knows(handler_call_details.invocation_metadata)

        def guard(context: _Context) -> _Answered:
            return _Answered(context, method, allowed, self._max_deadline_s)

        return _wrapped(handler, guard)

    def _knows(self, metadata: Any) -> bool:
        given = next((value for key, value in metadata or () if key == "authorization"), "")
        shown = given if isinstance(given, bytes) else given.encode("utf-8", "replace")
        return hmac.compare_digest(shown, self._token)


@final
class _Answered:
    """A block in which any exception becomes a status: the one place that sees them all."""

    def __init__(self, context: _Context, method: str, allowed: bool, max_deadline_s: float) -> None:
        self._context = context
        self._method = method
        self._allowed = allowed
        remaining = context.time_remaining()
        # gRPC ends a call at the caller's own deadline; ours is for callers that set none, or one too far away.
        self._timeout = asyncio.timeout(max_deadline_s if remaining is None or remaining > max_deadline_s else None)
        self._max_deadline_s = max_deadline_s

    async def __aenter__(self) -> None:
        if not self._allowed:
            await self._refuse(
                PermissionRefused("the call does not carry this daemon's token", hint="read it again from its file")
            )
        await self._timeout.__aenter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool | None:
        try:
            await self._timeout.__aexit__(kind, error, traceback)
        except TimeoutError:
            await self._refuse(DeadlineExceeded(f"the call took longer than {self._max_deadline_s:g} s"))
        if isinstance(error, AiosError) and not isinstance(error, InternalError):
            await self._refuse(error)
        if isinstance(error, Exception) and not isinstance(error, AbortError):
            await self._refuse(self._internal(error))
        return None

    def _internal(self, error: Exception) -> InternalError:
        error_id = secrets.token_hex(6)
        _LOG.error("internal error", exc_info=error, extra={"error_id": error_id, "method": self._method})
        return InternalError(f"an internal error, id {error_id}", hint="the daemon's log has more under this id")

    async def _refuse(self, error: AiosError) -> NoReturn:
        status = status_of(error)
        _LOG.debug("refused", extra={"method": self._method, "code": error.code})
        details = ((DETAILS_KEY, status.SerializeToString()),)
        await self._context.abort(code_of(error), status.message, details)


def _decoded(handler: _Handler, raw: bytes) -> Any:
    decode = handler.request_deserializer
    if decode is None:
        return raw
    try:
        return decode(raw)
    except (DecodeError, ValueError) as error:
        raise InvalidInput(
            f"the {len(raw)} bytes of the request are not a message of this call",
            hint="strings must be UTF-8; client and daemon must speak the same version of aios.v1",
        ) from error


def _wrapped(handler: _Handler, guard: Callable[[_Context], _Answered]) -> _Handler:
    def encode(response: Any) -> bytes:
        # Handlers that write for themselves (Health's Watch) hand over messages; all else is encoded in the guard.
        return response if isinstance(response, bytes) else bytes(handler.response_serializer(response))

    async def unary(raw: bytes, context: _Context) -> bytes:
        async with guard(context):
            return encode(await handler.unary_unary(_decoded(handler, raw), context))

    async def stream(raw: bytes, context: _Context) -> None:
        async with guard(context):
            await _written(handler.unary_stream(_decoded(handler, raw), context), context, encode)

    async def both(raws: AsyncIterator[bytes], context: _Context) -> None:
        async with guard(context):
            requests = (_decoded(handler, raw) async for raw in raws)
            await _written(handler.stream_stream(requests, context), context, encode)

    if handler.request_streaming:
        return grpc.stream_stream_rpc_method_handler(both, None, encode)
    if handler.response_streaming:
        return grpc.unary_stream_rpc_method_handler(stream, None, encode)
    return grpc.unary_unary_rpc_method_handler(unary, None, encode)


async def _written(responses: Any, context: _Context, encode: Callable[[Any], bytes]) -> None:
    # A handler is an async generator, or a coroutine that writes for itself; the generator must be closed in this task.
    if not hasattr(responses, "__aiter__"):
        await responses
        return
    try:
        async for response in responses:
            await context.write(encode(response))
    finally:
        await responses.aclose()
