"""ControlService: how the daemon is, and the wish that it ends. The daemon hands in how to know and how to end."""

# ruff: noqa: N802 (gRPC names the methods)

from __future__ import annotations

from collections.abc import Callable
from typing import Any, final

from grpc.aio import ServicerContext

from brain.base.reports import Status
from brain.services import convert
from brain.wire.aios.v1 import control_pb2, control_pb2_grpc


@final
class ControlServicer(control_pb2_grpc.ControlServiceServicer):
    """Always answers, however busy generation is: ``status`` must not wait, ``shut_down`` only begins the end."""

    def __init__(self, status: Callable[[], Status], shut_down: Callable[[], None]) -> None:
        self._status = status
        self._shut_down = shut_down

    async def GetStatus(
        self, request: control_pb2.GetStatusRequest, context: ServicerContext[Any, Any]
    ) -> control_pb2.GetStatusResponse:
        """How the daemon is."""
        return convert.status_response(self._status())

    async def Shutdown(
        self, request: control_pb2.ShutdownRequest, context: ServicerContext[Any, Any]
    ) -> control_pb2.ShutdownResponse:
        """Stops it: no new calls, running ones may finish."""
        status = self._status()
        self._shut_down()
        return control_pb2.ShutdownResponse(running=status.running + status.queued)
