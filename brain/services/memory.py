"""MemoryService over the memories: checks sizes, waits for the disk off the event loop. It stores nothing itself."""

# ruff: noqa: N802 (gRPC names the methods)

from __future__ import annotations

import asyncio
from concurrent.futures import Executor
from pathlib import Path
from typing import Any, Final, final

from grpc.aio import ServicerContext

from brain.base.errors import InvalidInput
from brain.conditioning.memory import Memories
from brain.engine.admission import text_bytes
from brain.services import convert
from brain.wire.aios.v1 import memory_pb2, memory_pb2_grpc

TEXT_LIMIT_BYTES: Final = 65_536
SOURCE_LIMIT_BYTES: Final = 1024
AT_ONCE_LIMIT: Final = 1024
RECALL_LIMIT: Final = 100
RECALL_DEFAULT: Final = 5


@final
class MemoryServicer(memory_pb2_grpc.MemoryServiceServicer):
    """Remembers and recalls on the threads of ``executor``: both may wait for the disk or the processor."""

    def __init__(self, memories: Memories, executor: Executor) -> None:
        self._memories = memories
        self._executor = executor

    async def Remember(
        self, request: memory_pb2.RememberRequest, context: ServicerContext[Any, Any]
    ) -> memory_pb2.RememberResponse:
        """Keeps texts. Answers only when they are on disk."""
        if not 1 <= len(request.memories) <= AT_ONCE_LIMIT:
            raise InvalidInput(
                f"there are {len(request.memories)} memories", hint=f"1 to {AT_ONCE_LIMIT} a call", field="memories"
            )
        for memory in request.memories:
            text_bytes("memories.text", memory.text, least=1, most=TEXT_LIMIT_BYTES)
            text_bytes("memories.source", memory.source, least=0, most=SOURCE_LIMIT_BYTES)
        texts = [(memory.text, memory.source) for memory in request.memories]
        # Shielded: a caller who goes away must not leave it open whether the thread's answer was still wanted.
        names = await asyncio.shield(self._off_loop(self._memories.remember, texts))
        return memory_pb2.RememberResponse(names=names)

    async def Recall(
        self, request: memory_pb2.RecallRequest, context: ServicerContext[Any, Any]
    ) -> memory_pb2.RecallResponse:
        """Finds the memories nearest to a query."""
        text_bytes("query", request.query, least=1, most=TEXT_LIMIT_BYTES)
        if request.limit > RECALL_LIMIT:
            raise InvalidInput(f"limit is {request.limit}", hint=f"0 (for 5) to {RECALL_LIMIT}", field="limit")
        limit = request.limit or RECALL_DEFAULT
        return convert.recall_response(await self._off_loop(self._memories.recall, request.query, limit))

    async def Forget(
        self, request: memory_pb2.ForgetRequest, context: ServicerContext[Any, Any]
    ) -> memory_pb2.ForgetResponse:
        """Forgets memories. Answers only when they are in no file of the store any more."""
        if request.all:
            if request.names:
                raise InvalidInput("names are given, and all", hint="one or the other", field="names")
            return memory_pb2.ForgetResponse(count=await asyncio.shield(self._off_loop(self._memories.forget_all)))
        if not 1 <= len(request.names) <= AT_ONCE_LIMIT:
            raise InvalidInput(
                f"there are {len(request.names)} names", hint=f"1 to {AT_ONCE_LIMIT} a call", field="names"
            )
        forgetting = self._off_loop(self._memories.forget, list(request.names))
        return memory_pb2.ForgetResponse(count=await asyncio.shield(forgetting))

    async def Export(
        self, request: memory_pb2.ExportRequest, context: ServicerContext[Any, Any]
    ) -> memory_pb2.ExportResponse:
        """Writes all memories to a new file on this machine."""
        writing = self._off_loop(self._memories.export, _absolute(request.path))
        return memory_pb2.ExportResponse(count=await asyncio.shield(writing))

    async def Import(
        self, request: memory_pb2.ImportRequest, context: ServicerContext[Any, Any]
    ) -> memory_pb2.ImportResponse:
        """Keeps all memories of a file on this machine, or none. Answers only when they are on disk."""
        taking = self._off_loop(self._memories.take, _absolute(request.path))
        return memory_pb2.ImportResponse(count=await asyncio.shield(taking))

    async def GetStats(
        self, request: memory_pb2.GetStatsRequest, context: ServicerContext[Any, Any]
    ) -> memory_pb2.GetStatsResponse:
        """How many memories there are and what they take."""
        stats = await self._off_loop(self._memories.stats)
        return memory_pb2.GetStatsResponse(
            count=stats.count, disk_bytes=stats.disk_bytes, embedder=stats.embedder, width=stats.width
        )

    def _off_loop(self, function: Any, *given: Any) -> asyncio.Future[Any]:
        return asyncio.get_running_loop().run_in_executor(self._executor, function, *given)


def _absolute(path: str) -> Path:
    found = Path(path)
    if not found.is_absolute() or "\0" in path:
        raise InvalidInput(f"{path!r} is no absolute path", hint="as in /home/me/memories.parquet", field="path")
    return found
