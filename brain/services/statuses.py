"""Errors as gRPC statuses with google.rpc details: what a client may know of a refusal. It catches nothing itself."""

from __future__ import annotations

from typing import Final

import grpc
from google.protobuf.any_pb2 import Any
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status

from brain.base.errors import AiosError, row_of

DOMAIN: Final = "aios"
"""ErrorInfo's domain; its reason is the error's stable code, its metadata hold ``hint`` and ``field``."""

DETAILS_KEY: Final = "grpc-status-details-bin"
RETRY_AFTER_S: Final = 1
TEXT_LIMIT: Final = 512
"""Characters of a message or hint that travel: a client refuses metadata of more than 8 KiB."""


def code_of(error: AiosError) -> grpc.StatusCode:
    """The status code of the error table's row."""
    return grpc.StatusCode[row_of(error).status]


def status_of(error: AiosError) -> Status:
    """The error as google.rpc.Status: ErrorInfo always, BadRequest for a named field, RetryInfo where it may help."""
    details: list[Any] = [_packed(ErrorInfo(reason=error.code, domain=DOMAIN, metadata=_metadata(error)))]
    if error.field:
        violation = BadRequest.FieldViolation(field=error.field[:TEXT_LIMIT], description=error.message[:TEXT_LIMIT])
        details.append(_packed(BadRequest(field_violations=[violation])))
    if error.retryable:
        details.append(_packed(RetryInfo(retry_delay=Duration(seconds=RETRY_AFTER_S))))
    code: int = code_of(error).value[0]
    return Status(code=code, message=error.message[:TEXT_LIMIT], details=details)


def _metadata(error: AiosError) -> dict[str, str]:
    told = {"hint": error.hint[:TEXT_LIMIT], "field": error.field[:TEXT_LIMIT]}
    return {name: value for name, value in told.items() if value}


def _packed(message: ErrorInfo | BadRequest | RetryInfo) -> Any:
    packed = Any()
    packed.Pack(message)
    return packed
