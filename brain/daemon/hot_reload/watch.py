"""Watches the user's folder: says when its files are being changed, and once they have come to rest. It reads none."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, final

if TYPE_CHECKING:
    from watchdog.observers.api import BaseObserver

DEBOUNCE_S: Final = 0.1
"""How long the folder must be at rest: an editor's save is several events, a storm of saves is hundreds."""
LATEST_S: Final = 1.0
"""A storm that does not end is looked into this often."""
POLL_S: Final = 5.0
"""How often the folder is looked into without an event: file systems may lose them, folders may be replaced."""
REST_S: Final = 300.0
"""After this time without a change nothing is kept ready any more."""

_LOG: Final = logging.getLogger("aios.brain")


@final
class Watch:
    """Calls ``touched`` at the first event of a burst and after it, ``settled`` after each burst and at every poll.

    ``rested`` is called once after ``REST_S`` without a change. All of them on the loop that ``run`` runs on, one at a
    time. Cost while idle: a wake-up every ``POLL_S``; three threads of watchdog.
    """

    def __init__(
        self,
        folder: Path,
        executor: Executor,
        *,
        touched: Callable[[], Awaitable[None]],
        settled: Callable[[], Awaitable[None]],
        rested: Callable[[], Awaitable[None]],
        poll_s: float = POLL_S,
        rest_s: float = REST_S,
    ) -> None:
        self._folder = folder
        self._executor = executor
        self._touched = touched
        self._settled = settled
        self._rested = rested
        self._poll_s = poll_s
        self._rest_s = rest_s
        self._news = asyncio.Event()

    async def run(self) -> None:
        """Watch until cancelled."""
        loop = asyncio.get_running_loop()
        observer = await loop.run_in_executor(self._executor, self._observe, loop)
        try:
            await self._follow()
        finally:
            if observer is not None:
                observer.stop()

    async def _follow(self) -> None:
        loop = asyncio.get_running_loop()
        last_s, ready = loop.time(), False
        await self._settled()
        while True:
            if await self._event_within(self._poll_s):
                await self._touched()
                last_s, ready = loop.time(), True
                await self._rest_of_burst()
                await self._settled()
                # The next save will come sooner than a child can start.
                await self._touched()
                continue
            if ready and loop.time() - last_s > self._rest_s:
                ready = False
                await self._rested()
            await self._settled()

    async def _rest_of_burst(self) -> None:
        until = asyncio.get_running_loop().time() + LATEST_S
        while asyncio.get_running_loop().time() < until:
            self._news.clear()
            if not await self._event_within(DEBOUNCE_S):
                return

    async def _event_within(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                await self._news.wait()
        except TimeoutError:
            return False
        self._news.clear()
        return True

    def _observe(self, loop: asyncio.AbstractEventLoop) -> BaseObserver | None:
        """Start watchdog, on a thread: its import takes as long as a short generation."""
        from watchdog import events
        from watchdog.observers import Observer

        news = self._news

        @final
        class Handler(events.FileSystemEventHandler):
            """Every change of a file or folder is news."""

            def on_any_event(self, event: Any) -> None:
                """Tell the loop."""
                if not loop.is_closed():
                    loop.call_soon_threadsafe(news.set)

        # Without these the kernel would tell of every reading too, our own among them.
        kinds = [events.FileCreatedEvent, events.FileModifiedEvent, events.FileMovedEvent, events.FileDeletedEvent]
        kinds += [events.DirCreatedEvent, events.DirMovedEvent, events.DirDeletedEvent]

        observer = Observer()
        try:
            observer.schedule(Handler(), str(self._folder), recursive=True, event_filter=kinds)
            observer.start()
        except OSError as error:
            _LOG.warning("the folder cannot be watched, only polled", exc_info=error)
            return None
        return observer
