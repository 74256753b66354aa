"""The line in front of the worker: bounded, in order of arrival, one call an id. It runs nothing."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import final

from brain.base.errors import Conflict, ResourceExhausted


@final
@dataclass(frozen=True, eq=False)
class Ticket:
    """A place in the line. ``position`` calls were before it when it joined; ``ready`` is done when it is its turn."""

    request_id: str
    position: int
    ready: asyncio.Future[None]


@final
class Queue:
    """First come, first served, ``slots`` at a time and at most ``waiting_limit`` waiting.

    To be used from one event loop's thread alone. Cost: joining and leaving are O(waiting).
    """

    def __init__(self, waiting_limit: int, slots: int = 1) -> None:
        self._waiting_limit = waiting_limit
        self._slots = slots
        self._waiting: list[Ticket] = []
        self._running: list[Ticket] = []
        self._ids: set[str] = set()
        self._empty = asyncio.Event()
        self._empty.set()

    @property
    def running(self) -> int:
        """Calls that hold a slot."""
        return len(self._running)

    @property
    def waiting(self) -> int:
        """Calls that wait for one."""
        return len(self._waiting)

    def join(self, request_id: str) -> Ticket:
        """Take a place; ``leave`` must follow, come what may.

        Raises: Conflict when a call of that id is in the line; ResourceExhausted when ``waiting_limit`` calls wait.
        """
        if request_id in self._ids:
            raise Conflict(
                f"a call named {request_id} is running", hint="wait for it, or give this one another request_id"
            )
        free = len(self._running) < self._slots
        if not free and len(self._waiting) >= self._waiting_limit:
            raise ResourceExhausted(
                f"{len(self._waiting)} calls are waiting, which is all that may", hint="try again in a moment"
            )
        ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        ticket = Ticket(request_id, 0 if free else len(self._running) + len(self._waiting), ready)
        self._ids.add(request_id)
        self._empty.clear()
        if free:
            self._start(ticket)
        else:
            self._waiting.append(ticket)
        return ticket

    def leave(self, ticket: Ticket) -> None:
        """Give the place back and call the next one up. Leaving twice does nothing."""
        if ticket.request_id not in self._ids:
            return
        if ticket in self._running:
            self._running.remove(ticket)
            if self._waiting:
                self._start(self._waiting.pop(0))
        elif ticket in self._waiting:
            self._waiting.remove(ticket)
        else:
            return
        self._ids.discard(ticket.request_id)
        if not self._ids:
            self._empty.set()

    async def emptied(self) -> None:
        """Wait until nobody runs or waits."""
        await self._empty.wait()

    def _start(self, ticket: Ticket) -> None:
        self._running.append(ticket)
        if not ticket.ready.done():
            ticket.ready.set_result(None)
