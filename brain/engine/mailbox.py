"""Hands states from a worker thread to one reader on the event loop: the latest wins, nothing piles up. No results."""

from __future__ import annotations

import asyncio
import threading
from typing import Any, final

from brain.base.messages import Shown


@final
class Mailbox:
    """Holds at most one state. A slow reader finds the newest and never slows the writer.

    ``put`` may be called from any thread; all else from the loop's. Cost: at most one wake-up of the loop a read.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._lock = threading.Lock()
        self._state: Shown | None = None
        self._told = False
        self._news = asyncio.Event()

    def put(self, state: Shown) -> None:
        """Leave a state in place of an unread one."""
        with self._lock:
            self._state = state
            told, self._told = self._told, True
        if not told:
            self._loop.call_soon_threadsafe(self._news.set)

    async def read(self, work: asyncio.Future[Any]) -> Shown | None:
        """The newest unread state, waiting for one; None once ``work`` is done and nothing is unread."""
        while True:
            state = self._take()
            if state is not None or work.done():
                return state
            news = asyncio.ensure_future(self._news.wait())
            try:
                await asyncio.wait((news, work), return_when=asyncio.FIRST_COMPLETED)
            finally:
                news.cancel()

    def _take(self) -> Shown | None:
        self._news.clear()
        with self._lock:
            state, self._state, self._told = self._state, None, False
        return state
