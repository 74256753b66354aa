"""The daemon as a synchronous Python object: one method a call. It starts no daemon (``launch.py`` does)."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from types import TracebackType
from typing import Any, Final, final

from brain.base.errors import InvalidInput
from brain.base.messages import (
    Accepted,
    CanvasRequest,
    CanvasResponse,
    CanvasState,
    PartialState,
    Picture,
    Request,
    Response,
    Speech,
)
from brain.base.paths import Places
from brain.base.reports import BrainReport, Memory, MemoryStats, ModelReport, Status
from brain.client import convert, convert_canvas
from brain.client.channel import Channel
from brain.wire.aios.v1 import (
    control_pb2,
    control_pb2_grpc,
    generation_pb2_grpc,
    memory_pb2,
    memory_pb2_grpc,
    model_pb2,
    model_pb2_grpc,
)

LONG_S: Final = 3600.0
"""For calls that write or read all memories."""


@final
class Client:
    """Talks to the daemon of ``places``. Safe to use from several threads; close it, or use it with ``with``.

    Every method raises the daemon's own errors (``brain.base.errors``) with hint and field, Unreachable when there is
    no daemon, DeadlineExceeded when it does not answer in time.
    """

    def __init__(self, places: Places) -> None:
        self._channel = Channel(places)

    def generate(self, request: Request) -> Iterator[Accepted | PartialState | Response]:
        """Run a request, to continue or to fill: Accepted, any number of states, one Response.

        Closing the iterator withdraws the call. ``request.deadline_s`` bounds all of it.
        """
        stub = self._channel.stub(generation_pb2_grpc.GenerationServiceStub)
        method, wire = (
            (stub.Generate, convert.generate_request) if request.hole is None else (stub.Infill, convert.infill_request)
        )
        return _events(self._channel.stream(method, _built(wire, request), request.deadline_s))

    def make(self, request: CanvasRequest) -> Iterator[Accepted | CanvasState | CanvasResponse]:
        """Draw, say or plan ``request.subject``: Accepted, any number of states, one response.

        Closing the iterator withdraws the call. ``request.deadline_s`` bounds all of it.
        """
        stub = self._channel.stub(generation_pb2_grpc.GenerationServiceStub)
        match request.subject:
            case Picture():
                method = stub.Draw
            case Speech():
                method = stub.Speak
            case _:
                method = stub.Plan
        return _canvas_events(
            self._channel.stream(method, _built(convert_canvas.canvas_request, request), request.deadline_s)
        )

    def remember(self, texts: Sequence[tuple[str, str]]) -> list[str]:
        """Keep (text, source) pairs, all or none; gives their names once they are on disk."""
        stub = self._channel.stub(memory_pb2_grpc.MemoryServiceStub)
        wire = _built(_remember_request, texts)
        return list(self._channel.call(stub.Remember, wire).names)

    def recall(self, query: str, limit: int = 5) -> list[Memory]:
        """The memories nearest to ``query``, nearest first."""
        stub = self._channel.stub(memory_pb2_grpc.MemoryServiceStub)
        wire = _built(lambda text: memory_pb2.RecallRequest(query=text, limit=limit), query)
        return [convert.memory(memory) for memory in self._channel.call(stub.Recall, wire).memories]

    def forget(self, names: Sequence[str]) -> int:
        """Forget memories by name, all or none; gives how many once they are in no file of the store any more."""
        stub = self._channel.stub(memory_pb2_grpc.MemoryServiceStub)
        wire = _built(lambda given: memory_pb2.ForgetRequest(names=given), names)
        return int(self._channel.call(stub.Forget, wire, LONG_S).count)

    def forget_all(self) -> int:
        """Forget everything; as ``forget``."""
        stub = self._channel.stub(memory_pb2_grpc.MemoryServiceStub)
        return int(self._channel.call(stub.Forget, memory_pb2.ForgetRequest(all=True), LONG_S).count)

    def export_memories(self, path: Path) -> int:
        """Write all memories to a new file on the daemon's machine; gives how many. ``path`` is absolute."""
        stub = self._channel.stub(memory_pb2_grpc.MemoryServiceStub)
        wire = _built(lambda given: memory_pb2.ExportRequest(path=str(given)), path)
        return int(self._channel.call(stub.Export, wire, LONG_S).count)

    def import_memories(self, path: Path) -> int:
        """Keep all memories of a file that ``export_memories`` wrote; gives how many. ``path`` is absolute."""
        stub = self._channel.stub(memory_pb2_grpc.MemoryServiceStub)
        wire = _built(lambda given: memory_pb2.ImportRequest(path=str(given)), path)
        return int(self._channel.call(stub.Import, wire, LONG_S).count)

    def memory_stats(self) -> MemoryStats:
        """How many memories there are and what they take."""
        stub = self._channel.stub(memory_pb2_grpc.MemoryServiceStub)
        found = self._channel.call(stub.GetStats, memory_pb2.GetStatsRequest())
        return MemoryStats(found.count, found.disk_bytes, found.embedder, found.width)

    def models(self) -> list[ModelReport]:
        """The models on this machine, by name."""
        stub = self._channel.stub(model_pb2_grpc.ModelServiceStub)
        answer = self._channel.call(stub.ListModels, model_pb2.ListModelsRequest())
        return [convert.model(model) for model in answer.models]

    def status(self) -> Status:
        """How the daemon is."""
        stub = self._channel.stub(control_pb2_grpc.ControlServiceStub)
        return convert.status(self._channel.call(stub.GetStatus, control_pb2.GetStatusRequest()))

    def brains(self) -> list[BrainReport]:
        """The versions of the brain: the one that serves, those to go back to, those in quarantine or refused."""
        stub = self._channel.stub(control_pb2_grpc.ControlServiceStub)
        answer = self._channel.call(stub.ListBrainVersions, control_pb2.ListBrainVersionsRequest())
        return [convert.brain(version) for version in answer.versions]

    def reload_brain(self, *, force: bool = False) -> str:
        """Take the version that is on disk, out of quarantine first with ``force``; gives its name once it serves."""
        stub = self._channel.stub(control_pb2_grpc.ControlServiceStub)
        return str(self._channel.call(stub.ReloadBrain, control_pb2.ReloadBrainRequest(force=force)).version)

    def rollback_brain(self, version: str = "") -> tuple[str, str]:
        """Go back to a version, "" the one before; gives the one that was left and the one that serves."""
        stub = self._channel.stub(control_pb2_grpc.ControlServiceStub)
        wire = _built(lambda name: control_pb2.RollbackBrainRequest(version=name), version)
        answer = self._channel.call(stub.RollbackBrain, wire)
        return str(answer.left), str(answer.version)

    def shutdown(self) -> int:
        """Ask the daemon to stop; gives the number of calls that it lets finish first."""
        stub = self._channel.stub(control_pb2_grpc.ControlServiceStub)
        return int(self._channel.call(stub.Shutdown, control_pb2.ShutdownRequest()).running)

    def close(self) -> None:
        """End the connection and every call on it."""
        self._channel.close()

    def __enter__(self) -> Client:
        """Itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()


def _events(answers: Generator[Any]) -> Iterator[Accepted | PartialState | Response]:
    with closing(answers):
        for answer in answers:
            if (event := convert.event(answer)) is not None:
                yield event


def _canvas_events(answers: Generator[Any]) -> Iterator[Accepted | CanvasState | CanvasResponse]:
    with closing(answers):
        for answer in answers:
            if (event := convert_canvas.event(answer)) is not None:
                yield event


def _remember_request(texts: Sequence[tuple[str, str]]) -> memory_pb2.RememberRequest:
    memories = [memory_pb2.NewMemory(text=text, source=source) for text, source in texts]
    return memory_pb2.RememberRequest(memories=memories)


def _built(make: Any, value: Any) -> Any:
    """A wire message; what its types cannot hold (a negative count, half a character) is refused here already."""
    try:
        return make(value)
    except (ValueError, TypeError, UnicodeEncodeError) as error:
        raise InvalidInput(f"the request cannot be sent: {error}", hint="check numbers and texts") from error
