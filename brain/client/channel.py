"""One connection to the daemon: socket, token, and statuses turned back into our errors. It knows no service."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Generator
from typing import Any, Final, final

import grpc

from brain.base.errors import (
    AiosError,
    Cancelled,
    DeadlineExceeded,
    InternalError,
    InvalidInput,
    PermissionRefused,
    ResourceExhausted,
    Unreachable,
    Unsupported,
    by_code,
)
from brain.base.paths import Places

CALL_TIMEOUT_S: Final = 60.0
"""For calls that say no time of their own."""

LONGEST_S: Final = 86_400.0
"""More time than this no call may be given: it is the most that the daemon can be set to grant."""

SEND_LIMIT_BYTES: Final = 4 << 20
"""The longest message that the daemon takes; gRPC would refuse a longer one there as if it were out of memory."""

_DETAILS_KEY: Final = "grpc-status-details-bin"
_OTHERS_MAY: Final = 0o077
_WITHOUT_DETAILS: Final[dict[grpc.StatusCode, type[AiosError]]] = {
    grpc.StatusCode.UNAVAILABLE: Unreachable,
    grpc.StatusCode.CANCELLED: Cancelled,
    grpc.StatusCode.DEADLINE_EXCEEDED: DeadlineExceeded,
    grpc.StatusCode.RESOURCE_EXHAUSTED: ResourceExhausted,
    grpc.StatusCode.UNIMPLEMENTED: Unsupported,
}


@final
class Channel:
    """A connection over the unix socket; made at the first call. Safe to use from several threads.

    Every call carries the token as it is in its file then, so a daemon that was started anew is met with its own.
    Raises, at each call: the AiosError that the daemon raised, with its hint and field; InvalidInput for a deadline
    that is none or a message that is too long to be sent; Unreachable when it is gone; PermissionRefused when the
    folder of the socket could be another user's.
    """

    def __init__(self, places: Places) -> None:
        self._places = places
        self._channel = grpc.insecure_channel(f"unix:{places.socket}", options=(("grpc.enable_retries", 0),))

    def stub(self, kind: Callable[[grpc.Channel], Any]) -> Any:
        """A generated stub over this connection."""
        return kind(self._channel)

    def call(self, method: Any, request: Any, timeout_s: float = CALL_TIMEOUT_S) -> Any:
        """One request, one answer."""
        _check_call(request, timeout_s)
        try:
            return method(request, timeout=timeout_s, metadata=self._metadata())
        except grpc.RpcError as error:
            raise error_of(error) from None

    def stream(self, method: Any, request: Any, timeout_s: float) -> Generator[Any]:
        """One request, many answers; closing the iterator withdraws the call."""
        _check_call(request, timeout_s)
        answers = method(request, timeout=timeout_s, metadata=self._metadata())
        try:
            yield from answers
        except grpc.RpcError as error:
            raise error_of(error) from None
        finally:
            answers.cancel()

    def close(self) -> None:
        """End the connection and every call on it."""
        self._channel.close()

    def _metadata(self) -> tuple[tuple[str, str], ...]:
        check_folder(self._places)
        try:
            token = self._places.token.read_text("ascii").strip()
        except OSError as error:
            raise Unreachable("aiosd does not run: it has left no token", hint="start it: aios serve") from error
        return (("authorization", f"Bearer {token}"),)


def check_folder(places: Places) -> None:
    """Refuse a socket folder that another user could have made. Cost: one system call.

    Raises: PermissionRefused; Unreachable when it is not there.
    """
    try:
        found = places.run.lstat()
    except OSError as error:
        raise Unreachable("aiosd does not run: it has no folder yet", hint="start it: aios serve") from error
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & _OTHERS_MAY:
        raise PermissionRefused(
            f"{places.run} is not a private folder of yours", hint=f"it must be yours, with mode 0700: {places.run}"
        )


def error_of(error: Any) -> AiosError:
    """What the daemon raised, read from the details of a ``grpc.RpcError``; without them, by the status code alone."""
    code, words = error.code(), error.details() or ""
    for key, value in error.trailing_metadata() or ():
        if key == _DETAILS_KEY and (told := _of_details(value)):
            return told
    kind = _WITHOUT_DETAILS.get(code, InternalError)
    if kind is Unreachable:
        return Unreachable("aiosd cannot be reached, or went away", hint="aios status; its log says more")
    if kind is DeadlineExceeded:
        return DeadlineExceeded("the call's time was up", hint="give it a later deadline, or ask for less")
    return kind(words or code.name)


def _check_call(request: Any, timeout_s: float) -> None:
    if not 0 < timeout_s <= LONGEST_S:
        hint = f"seconds, above 0 and at most {LONGEST_S:.0f}"
        raise InvalidInput(f"the deadline is {timeout_s:g} s", hint=hint, field="deadline_s")
    if (size := request.ByteSize()) > SEND_LIMIT_BYTES:
        raise InvalidInput(f"the request has {size} bytes", hint=f"at most {SEND_LIMIT_BYTES} in all: send less text")


def _of_details(value: bytes) -> AiosError | None:
    # Imported here: these modules are needed by refused calls alone, and every start of the command line would pay.
    from google.protobuf.message import DecodeError
    from google.rpc.error_details_pb2 import ErrorInfo
    from google.rpc.status_pb2 import Status

    try:
        status = Status.FromString(value)
    except DecodeError:
        return None
    info = ErrorInfo()
    for detail in status.details:
        if detail.Unpack(info):
            kind = by_code(info.reason)
            return _made(kind, status.message, info.metadata.get("hint", ""), info.metadata.get("field", ""))
    return None


def _made(kind: type[AiosError], message: str, hint: str, field: str) -> AiosError:
    error = kind(message, hint=hint)
    error.field = field
    return error
