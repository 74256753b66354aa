"""ControlService: how the daemon is, its brain's versions, the wish that it ends. It does none of it itself."""

# ruff: noqa: N802 (gRPC names the methods)

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from typing import Any, Protocol, TypeVar, final

from grpc.aio import ServicerContext

from brain.base.reports import BrainReport, Status
from brain.services import convert
from brain.wire.aios.v1 import control_pb2, control_pb2_grpc

_Made = TypeVar("_Made")


class BrainKeeper(Protocol):
    """Who takes and leaves versions of the brain. Its calls may take seconds; they run on ``executor``'s thread."""

    @abstractmethod
    def reports(self) -> Sequence[BrainReport]:
        """The versions, the one that serves first."""

    @abstractmethod
    def reload(self, *, force: bool = False) -> str:
        """Take the version that is on disk; its name."""

    @abstractmethod
    def rollback(self, version: str = "") -> tuple[str, str]:
        """Go back; the version that was left and the one that serves."""


@final
class ControlServicer(control_pb2_grpc.ControlServiceServicer):
    """Always answers, however busy generation is: ``status`` must not wait, ``shut_down`` only begins the end."""

    def __init__(
        self, status: Callable[[], Status], shut_down: Callable[[], None], brains: BrainKeeper, executor: Executor
    ) -> None:
        self._status = status
        self._shut_down = shut_down
        self._brains = brains
        self._executor = executor

    async def GetStatus(
        self, request: control_pb2.GetStatusRequest, context: ServicerContext[Any, Any]
    ) -> control_pb2.GetStatusResponse:
        """How the daemon is."""
        return convert.status_response(self._status())

    async def ListBrainVersions(
        self, request: control_pb2.ListBrainVersionsRequest, context: ServicerContext[Any, Any]
    ) -> control_pb2.ListBrainVersionsResponse:
        """Lists the versions of the brain."""
        return convert.brains_response(await self._done(self._brains.reports))

    async def ReloadBrain(
        self, request: control_pb2.ReloadBrainRequest, context: ServicerContext[Any, Any]
    ) -> control_pb2.ReloadBrainResponse:
        """Takes the version that is on disk."""
        version = await self._done(lambda: self._brains.reload(force=request.force))
        return control_pb2.ReloadBrainResponse(version=version)

    async def RollbackBrain(
        self, request: control_pb2.RollbackBrainRequest, context: ServicerContext[Any, Any]
    ) -> control_pb2.RollbackBrainResponse:
        """Goes back to a version that is loaded."""
        left, version = await self._done(lambda: self._brains.rollback(request.version))
        return control_pb2.RollbackBrainResponse(left=left, version=version)

    async def Shutdown(
        self, request: control_pb2.ShutdownRequest, context: ServicerContext[Any, Any]
    ) -> control_pb2.ShutdownResponse:
        """Stops it: no new calls, running ones may finish."""
        status = self._status()
        self._shut_down()
        return control_pb2.ShutdownResponse(running=status.running + status.queued)

    async def _done(self, work: Callable[[], _Made]) -> _Made:
        return await asyncio.get_running_loop().run_in_executor(self._executor, work)
