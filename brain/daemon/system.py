"""The composition root: builds every part of the daemon, hands each what it needs, owns them all."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast, final

import grpc
import grpc.aio
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

import brain
from brain.base.clock import Clock
from brain.base.errors import AiosError, StorageFailed
from brain.base.messages import Request
from brain.base.paths import Places
from brain.base.settings import DaemonSettings
from brain.conditioning.embedding import Embedder
from brain.conditioning.memory import Memories, open_store
from brain.conditioning.retrieval import Retrieved, retrieve
from brain.daemon.drawing import drawn_by
from brain.daemon.hot_reload.keeper import Keeper
from brain.daemon.lifecycle import check_socket, clear_socket, new_token
from brain.daemon.status import StatusReader
from brain.engine.engine import Cancel, Draw, Engine, Generate, Limits
from brain.engine.models import Model, Shelf
from brain.native.build import version as build_version
from brain.native.cancel import CancelToken
from brain.native.kernels import cpu_level
from brain.services.control import ControlServicer
from brain.services.generation import GenerationServicer
from brain.services.interceptors import Door
from brain.services.memory import MemoryServicer
from brain.services.model import ModelServicer
from brain.wire.aios.v1 import (
    control_pb2,
    control_pb2_grpc,
    generation_pb2,
    generation_pb2_grpc,
    memory_pb2,
    memory_pb2_grpc,
    model_pb2,
    model_pb2_grpc,
)

RECEIVE_LIMIT_BYTES: Final = 4 << 20
THREADS_FOR_DISK: Final = 4
FLUSH_S: Final = 1.5
"""How long a stop waits, after the last generation has ended, for its reader to take the Final."""

_LOG: Final = logging.getLogger("aios.daemon")
_OPTIONS: Final = (
    ("grpc.so_reuseport", 0),
    ("grpc.max_receive_message_length", RECEIVE_LIMIT_BYTES),
    ("grpc.max_concurrent_streams", 1024),
)
_SERVICES: Final = tuple(
    file.DESCRIPTOR.services_by_name[name].full_name
    for file, name in (
        (generation_pb2, "GenerationService"),
        (memory_pb2, "MemoryService"),
        (model_pb2, "ModelService"),
        (control_pb2, "ControlService"),
    )
)


@final
@dataclass(frozen=True)
class Parts:
    """What may be exchanged from outside: how a model folder is opened, generation, the embedder, flows.

    ``draw`` None refuses pictures, speech and plans.
    """

    load: Callable[[str, Path, str], Model]
    generate: Generate
    embedder: Embedder
    draw: Draw | None = None


def real_parts(settings: DaemonSettings) -> Parts:
    """The product's own parts: the body and the embedder that the settings name, and the diffusion core.

    Raises what ``providers.embedder`` does.
    """
    from brain.conditioning.providers import embedder
    from brain.diffusion import canvas
    from brain.diffusion.core import generate

    def load(name: str, folder: Path, warning: str) -> Model:
        from brain.backends.select import Backend, open_body
        from brain.diffusion.folder import FolderCoders
        from brain.native.tokenizer import Tokenizer
        from brain.uncertainty.calibration import Calibration

        threads = settings.threads or os.cpu_count() or 1
        body = open_body(folder, cast("Backend", settings.backend), threads)
        calibration = Calibration.load(folder)
        tokenizer = Tokenizer.open(folder / "tokenizer.json")
        return Model(name, body, tokenizer, calibration, warning, FolderCoders(folder, threads))

    return Parts(load, generate, embedder(settings.embedder), drawn_by(canvas.generate))


@final
class System:
    """Every part of one running daemon. Built with the lock held; ``serve`` runs it until ``stop`` is called."""

    def __init__(self, places: Places, settings: DaemonSettings, clock: Clock, parts: Parts) -> None:
        """Open the memories and build the rest; must be called on the event loop that will serve."""
        rooms = Path(brain.__file__).parent
        self._places = places
        self._settings = settings
        self._stop = asyncio.Event()
        self._disk = ThreadPoolExecutor(THREADS_FOR_DISK, thread_name_prefix="disk")
        self._shelf = Shelf((rooms / "pretrained", places.models), settings.model, parts.load)
        self._memories = Memories(open_store(places.memories, parts.embedder), parts.embedder, clock, places.memories)
        limits = Limits(
            max_deadline_s=settings.max_deadline_s,
            queue_length=settings.queue_length,
            canvas_fps=settings.canvas_fps,
        )
        self._keeper = Keeper(
            places,
            rooms,
            generate=parts.generate,
            draw=parts.draw,
            retrieve=self._retrieve,
            memories=self._memories,
            shelf=self._shelf,
        )
        self._engine = Engine(
            shelf=self._shelf,
            brains=self._keeper.versions,
            new_cancel=_new_cancel,
            clock=clock,
            limits=limits,
        )
        self._status = StatusReader(
            engine=self._engine,
            shelf=self._shelf,
            memories=self._memories,
            clock=clock,
            started_s=clock.monotonic_s(),
            brain=lambda: self._keeper.versions.serving,
            backend=settings.backend,
            version=build_version(),
            cpu=cpu_level,
        )
        self._health = health.aio.HealthServicer()

    def stop(self) -> None:
        """Begin the end; ``serve`` drains and returns. May be called more than once, on the loop's thread."""
        self._stop.set()

    async def serve(self) -> None:
        """Bind, load the default model, answer until stopped, drain.

        Raises: StorageFailed when the socket cannot be bound, PermissionRefused when others could reach it. A default
        model that cannot be opened is logged and told by Health and by every call that needs it; the rest serves.
        """
        async with self._listening():
            await self._open_default()
            await self._set_health("", serving=True)
            watching = asyncio.ensure_future(self._keeper.watch())
            watching.add_done_callback(_tell_of_end)
            await self._stop.wait()
            watching.cancel()
            _LOG.info("draining", extra={"running": self._engine.running, "waiting": self._engine.waiting})
            await self._health.enter_graceful_shutdown()
            await self._engine.drain(self._settings.drain_s)

    def close(self) -> None:
        """Give back threads and the store, after ``serve``."""
        self._engine.close()
        self._keeper.close()
        self._disk.shutdown(wait=True)
        self._memories.close()

    @contextlib.asynccontextmanager
    async def _listening(self) -> AsyncIterator[None]:
        server = grpc.aio.server(
            options=_OPTIONS, interceptors=[Door(new_token(self._places.token), self._settings.max_deadline_s)]
        )
        self._add_services(server)
        for name in ("", *_SERVICES):
            await self._set_health(name, serving=name not in ("", _SERVICES[0]))
        clear_socket(self._places.socket)
        try:
            server.add_insecure_port(f"unix:{self._places.socket}")
        except RuntimeError as error:
            raise StorageFailed("the socket cannot be bound", filename=str(self._places.socket)) from error
        await server.start()
        check_socket(self._places.socket)
        try:
            yield
        finally:
            await server.stop(FLUSH_S)
            self._places.socket.unlink(missing_ok=True)

    def _add_services(self, server: Any) -> None:
        generation = GenerationServicer(self._engine, self._settings.max_deadline_s)
        generation_pb2_grpc.add_GenerationServiceServicer_to_server(generation, server)  # type: ignore[no-untyped-call]
        memory = MemoryServicer(self._memories, self._disk)
        memory_pb2_grpc.add_MemoryServiceServicer_to_server(memory, server)  # type: ignore[no-untyped-call]
        model = ModelServicer(self._shelf, self._disk)
        model_pb2_grpc.add_ModelServiceServicer_to_server(model, server)  # type: ignore[no-untyped-call]
        control = ControlServicer(self._status.read, self.stop, self._keeper.reloader, self._keeper.executor)
        control_pb2_grpc.add_ControlServiceServicer_to_server(control, server)  # type: ignore[no-untyped-call]
        health_pb2_grpc.add_HealthServicer_to_server(self._health, server)
        reflection.enable_server_reflection((*_SERVICES, health.SERVICE_NAME, reflection.SERVICE_NAME), server)

    async def _open_default(self) -> None:
        name = self._shelf.default
        try:
            await asyncio.get_running_loop().run_in_executor(self._disk, self._shelf.open)
        except AiosError as error:
            _LOG.warning("the default model cannot be opened", extra={"model": name, "code": error.code})
            await self._set_health(f"models/{name}", serving=False)
            return
        await self._set_health(f"models/{name}", serving=True)
        await self._set_health(_SERVICES[0], serving=True)

    async def _set_health(self, name: str, *, serving: bool) -> None:
        words = health_pb2.HealthCheckResponse
        await self._health.set(name, words.SERVING if serving else words.NOT_SERVING)

    def _retrieve(self, request: Request, model: Model) -> Retrieved:
        return retrieve(self._memories, model.tokenizer, request.prompt, request.memories)


@contextlib.contextmanager
def built(places: Places, settings: DaemonSettings, clock: Clock, parts: Parts) -> Iterator[System]:
    """A system that is closed at the end of the block, whatever happened in it."""
    system = System(places, settings, clock, parts)
    try:
        yield system
    finally:
        system.close()


def _tell_of_end(watching: asyncio.Future[None]) -> None:
    if not watching.cancelled() and (error := watching.exception()) is not None:
        _LOG.error("the brain's folder is not watched any more", exc_info=error)


def _new_cancel(deadline_s: float) -> Cancel:
    return CancelToken(deadline_s)
