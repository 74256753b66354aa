"""The one table of errors: what a fault of the skeleton is in Python, over gRPC and as an exit code; handles none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final


class AiosError(Exception):
    """Everything that aios refuses or fails at: a message with the value, and a hint.

    ``code`` is the stable name that clients see; ``retryable`` says whether the same call may succeed later.
    """

    code: ClassVar[str] = "INTERNAL"
    retryable: ClassVar[bool] = False

    def __init__(self, message: str, *, hint: str = "", field: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.field = field

    def __str__(self) -> str:
        """The message, and after a blank line the hint where there is one."""
        return f"{self.message}\n\nhint: {self.hint}" if self.hint else self.message


@final
class InvalidInput(AiosError, ValueError):
    """A value, shape or type that the call does not take."""

    code = "INVALID_INPUT"


@final
class NotFound(AiosError, LookupError):
    """Something named that is not there."""

    code = "NOT_FOUND"


@final
class Conflict(AiosError):
    """Something that another holder or an earlier call already has."""

    code = "CONFLICT"


@final
class CorruptData(AiosError):
    """Bytes on disk that do not say what they should; never repaired silently."""

    code = "CORRUPT_DATA"


@final
class StorageFailed(AiosError, OSError):
    """The operating system refused a file or folder; ``errno`` and ``filename`` are those of the system's error."""

    code = "STORAGE_FAILED"

    def __init__(self, message: str, *, hint: str = "", errno: int | None = None, filename: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.errno = errno
        self.filename = filename


@final
class ResourceExhausted(AiosError):
    """A bound of memory, disk, queue or number was reached; trying again later may succeed."""

    code = "RESOURCE_EXHAUSTED"
    retryable = True


@final
class Cancelled(AiosError):
    """The caller withdrew the call."""

    code = "CANCELLED"


@final
class DeadlineExceeded(AiosError, TimeoutError):
    """The call's time was up."""

    code = "DEADLINE_EXCEEDED"


@final
class Unsupported(AiosError):
    """A thing that this build or this part does not do; the hint says what there is instead."""

    code = "UNSUPPORTED"


@final
class RejectedByGate(AiosError):
    """A candidate that did not pass a gate."""

    code = "REJECTED_BY_GATE"


@final
class PermissionRefused(AiosError):
    """A caller without the right token, or a folder that others could read or replace."""

    code = "PERMISSION_REFUSED"


@final
class Unreachable(AiosError):
    """The daemon is not there, or went away during the call."""

    code = "UNREACHABLE"
    retryable = True


@final
class InternalError(AiosError):
    """A broken promise of our own code; the message carries an id to find in the log, never a traceback."""

    code = "INTERNAL"


@final
@dataclass(frozen=True)
class Row:
    """One row of the table: skeleton faults, our exception, the gRPC status name, the exit code of ``aios``."""

    faults: tuple[str, ...]
    error: type[AiosError]
    status: str
    exit_code: int


TABLE: tuple[Row, ...] = (
    Row(("Shape", "Dtype", "OutOfRange"), InvalidInput, "INVALID_ARGUMENT", 2),
    Row(("NotFound",), NotFound, "NOT_FOUND", 3),
    Row(("Conflict",), Conflict, "ABORTED", 4),
    Row(("Corrupt",), CorruptData, "DATA_LOSS", 5),
    Row(("Io",), StorageFailed, "UNAVAILABLE", 6),
    Row(("Exhausted",), ResourceExhausted, "RESOURCE_EXHAUSTED", 7),
    Row(("Cancelled",), Cancelled, "CANCELLED", 8),
    Row(("Deadline",), DeadlineExceeded, "DEADLINE_EXCEEDED", 8),
    Row(("Unsupported",), Unsupported, "UNIMPLEMENTED", 9),
    Row((), RejectedByGate, "FAILED_PRECONDITION", 10),
    Row((), PermissionRefused, "PERMISSION_DENIED", 11),
    Row((), Unreachable, "UNAVAILABLE", 12),
    Row(("Bug",), InternalError, "INTERNAL", 70),
)


def row_of(error: AiosError | type[AiosError]) -> Row:
    """The table's row of an error or its class; an ``AiosError`` outside of the table counts as internal."""
    kind = error if isinstance(error, type) else type(error)
    return next((row for row in TABLE if row.error is kind), TABLE[-1])


def by_code(code: str) -> type[AiosError]:
    """The exception of a stable code, as clients read it off the wire; unknown codes are internal."""
    return next((row.error for row in TABLE if row.error.code == code), InternalError)
