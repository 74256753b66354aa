"""Runs generations: many callers on the event loop, one worker thread for the mathematics. It never samples."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Protocol, TypeVar, final, overload

from brain.backends.body import Body, CancelToken
from brain.base.clock import Clock
from brain.base.errors import Cancelled, DeadlineExceeded, InternalError, Unreachable, Unsupported
from brain.base.messages import (
    Accepted,
    Answer,
    Asked,
    CanvasRequest,
    CanvasResponse,
    CanvasState,
    PartialState,
    Request,
    Response,
    Shown,
    Timings,
)
from brain.conditioning.retrieval import Retrieved
from brain.engine.admission import admit
from brain.engine.brain import Brain, Brains
from brain.engine.mailbox import Mailbox
from brain.engine.models import Model, Shelf
from brain.engine.queue import Queue, Ticket

if TYPE_CHECKING:
    from brain.native.tokenizer import Tokenizer
    from brain.uncertainty.calibration import Calibration

Event = Accepted | PartialState | Response
CanvasEvent = Accepted | CanvasState | CanvasResponse

_Finished = TypeVar("_Finished", Response, CanvasResponse)

RECENT_ANSWERS: Final = 16
"""Over how many of the last answers the status' uncertainty is a mean."""


class Cancel(CancelToken, Protocol):
    """A cancel token that the engine may set; the native one is ``brain.native.cancel.CancelToken``."""

    def cancel(self) -> None:
        """Withdraw the call that reads it."""


Retrieve = Callable[[Request, Model], Retrieved]
"""Finds the memories to show to the model; runs on the worker thread."""


Generate = Callable[
    ["Body", "Tokenizer", Request, "Calibration | None", Sequence[str], CancelToken, Clock],
    Iterator[PartialState | Response],
]
"""The generation itself, ``brain.diffusion.core.generate``: yields states, then exactly one response.

Takes the body, its tokenizer, the request, the calibration, the memories to show, the token to check, the clock.
"""

Draw = Callable[[Model, CanvasRequest, CancelToken], Iterator[CanvasState | CanvasResponse]]
"""A flow, ``brain.diffusion.canvas.generate`` over a model's parts: yields states, then exactly one response."""


@final
@dataclass
class Counts:
    """Ended calls since the start; ``failed`` and ``cancelled`` are among ``finished``."""

    finished: int = 0
    failed: int = 0
    cancelled: int = 0


@final
@dataclass(frozen=True, kw_only=True)
class Limits:
    """What the engine grants: the longest deadline, calls that may wait, states a second to one reader."""

    max_deadline_s: float = 600.0
    queue_length: int = 16
    canvas_fps: float = 30.0


@final
class Engine:
    """Admits, lines up, runs and counts generations, of text and on canvases alike.

    To be used from one event loop. A call that is withdrawn, or whose reader is gone, frees its slot after the step in
    flight; a slow reader misses states but never the response.
    """

    def __init__(
        self,
        *,
        shelf: Shelf,
        brains: Brains,
        new_cancel: Callable[[float], Cancel],
        clock: Clock,
        limits: Limits,
    ) -> None:
        self._shelf = shelf
        self._brains = brains
        self._new_cancel = new_cancel
        self._clock = clock
        self._limits = limits
        self._queue = Queue(limits.queue_length)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="generate")
        self._live: set[Cancel] = set()
        self._recent: deque[float] = deque(maxlen=RECENT_ANSWERS)
        self._draining = False
        self.counts = Counts()

    @property
    def running(self) -> int:
        """Calls that run now."""
        return self._queue.running

    @property
    def waiting(self) -> int:
        """Calls that wait for a slot."""
        return self._queue.waiting

    @property
    def draining(self) -> bool:
        """Whether new calls are refused because the daemon stops."""
        return self._draining

    @property
    def recent_uncertainty(self) -> float:
        """The mean uncertainty of the last answers; -1 before any."""
        return sum(self._recent) / len(self._recent) if self._recent else -1.0

    @overload
    def submit(self, request: Request) -> AsyncGenerator[Event]: ...
    @overload
    def submit(self, request: CanvasRequest) -> AsyncGenerator[CanvasEvent]: ...
    async def submit(self, request: Asked) -> AsyncGenerator[Event | CanvasEvent]:
        """Run one request: Accepted, any number of states, one response. Close the generator to withdraw the call.

        Raises: InvalidInput, Conflict, ResourceExhausted, Unreachable before Accepted; afterwards what the generation
        raises, NotFound and CorruptData for its model, DeadlineExceeded, Cancelled, InternalError.
        """
        admit(request, self._limits.max_deadline_s)
        if self._draining:
            raise Unreachable("the daemon is stopping", hint="try again; the next call starts a new one")
        ticket = self._queue.join(request.request_id)
        cancel = self._new_cancel(request.deadline_s)
        job = _Job(request, cancel, self._clock, Mailbox(asyncio.get_running_loop()))
        work: asyncio.Future[Answer] | None = None
        self._live.add(cancel)
        try:
            yield Accepted(request.request_id, ticket.position)
            await self._turn(ticket, request, cancel)
            work = self._start(job, ticket)
            while (state := await job.box.read(work)) is not None:
                yield state
                await asyncio.wait((work,), timeout=1 / self._limits.canvas_fps)
            yield work.result()
        finally:
            cancel.cancel()
            self._live.discard(cancel)
            if work is None:
                self._queue.leave(ticket)
                self.counts.finished += 1
                self.counts.cancelled += 1

    async def drain(self, within_s: float) -> None:
        """Refuse new calls, wait for the others, and withdraw those that are left after ``within_s`` seconds."""
        self._draining = True
        try:
            await asyncio.wait_for(self._queue.emptied(), within_s)
        except TimeoutError:
            for cancel in tuple(self._live):
                cancel.cancel()

    def close(self) -> None:
        """End the worker thread after the step in flight."""
        for cancel in tuple(self._live):
            cancel.cancel()
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def _turn(self, ticket: Ticket, request: Asked, cancel: Cancel) -> None:
        until = time.monotonic() + request.deadline_s
        while not ticket.ready.done():
            # Looked at now and then too, since a drain withdraws waiting calls by their token alone.
            await asyncio.wait((ticket.ready,), timeout=min(0.2, max(until - time.monotonic(), 0.0)))
            cancel.check()

    def _start(self, job: _Job, ticket: Ticket) -> asyncio.Future[Answer]:
        def ended(done: asyncio.Future[Answer]) -> None:
            self._queue.leave(ticket)
            self._count(done)

        work = asyncio.get_running_loop().run_in_executor(self._thread, self._run, job)
        work.add_done_callback(ended)
        return work

    def _count(self, done: asyncio.Future[Answer]) -> None:
        self.counts.finished += 1
        if done.cancelled() or isinstance(done.exception(), Cancelled | DeadlineExceeded):
            self.counts.cancelled += 1
        elif done.exception() is not None:
            self.counts.failed += 1
        elif (doubt := done.result().uncertainty) is not None:
            self._recent.append(doubt)

    def _run(self, job: _Job) -> Answer:
        job.begun()
        job.cancel.check()
        model = self._shelf.open(job.request.model)
        with self._brains.call() as call:
            response = self._made(job, model, call.brain)
            call.uncertainty = response.uncertainty
        return response

    def _made(self, job: _Job, model: Model, brain: Brain) -> Answer:
        said, names = self._said(job.request, model, brain, job.cancel)
        for item in said:
            if isinstance(item, Response):
                return replace(self._finished(item, job, model, brain), memories=names)
            if isinstance(item, CanvasResponse):
                return self._finished(item, job, model, brain)
            job.state(item)
            job.cancel.check()
        raise InternalError("a generation ended without a response")

    def _said(
        self, request: Asked, model: Model, brain: Brain, cancel: Cancel
    ) -> tuple[Iterator[Shown | Answer], tuple[str, ...]]:
        """The generation that a request asks for, and the names of the memories that it is shown."""
        if isinstance(request, CanvasRequest):
            if brain.draw is None:
                raise Unsupported("this brain makes text alone", hint="start one that was given a way to draw")
            return brain.draw(model, request, cancel), ()
        shown = brain.retrieve(request, model)
        told = (model.body, model.tokenizer, request, model.calibration, shown.texts)
        return brain.generate(*told, cancel, self._clock), shown.names

    def _finished(self, response: _Finished, job: _Job, model: Model, brain: Brain) -> _Finished:
        return replace(
            response,
            request_id=job.request.request_id,
            model=model.name,
            brain=brain.version,
            timings=job.timings(),
            warning=" ".join(part for part in (response.warning, model.warning) if part),
        )


@final
class _Job:
    """One call on its way through the worker: the request, its token, its mailbox and its times."""

    def __init__(self, request: Asked, cancel: Cancel, clock: Clock, box: Mailbox) -> None:
        self.request = request
        self.cancel = cancel
        self.box = box
        self._clock = clock
        self._admitted_s = clock.monotonic_s()
        self._queued_s = 0.0
        self._first_state_s: float | None = None

    def begun(self) -> None:
        """The worker took it."""
        self._queued_s = self._since()

    def state(self, state: Shown) -> None:
        """It has a new state."""
        if self._first_state_s is None:
            self._first_state_s = self._since()
        self.box.put(state)

    def timings(self) -> Timings:
        """Its times, now that it ends."""
        total_s = self._since()
        return Timings(self._queued_s, total_s if self._first_state_s is None else self._first_state_s, total_s)

    def _since(self) -> float:
        return self._clock.monotonic_s() - self._admitted_s
