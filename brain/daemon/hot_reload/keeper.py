"""Everything of hot reload that a daemon owns, put together: versions, reloader, the thread they work on, the watch."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, final

from brain.base.errors import AiosError
from brain.base.paths import Places
from brain.conditioning.retrieval import Recaller
from brain.daemon.brain_version import read_rooms, version_of
from brain.daemon.hot_reload.quarantine import Quarantine
from brain.daemon.hot_reload.reload import Reloader, Rooms
from brain.daemon.hot_reload.trial import ChildTrial, Trial
from brain.daemon.hot_reload.versions import Versions
from brain.daemon.hot_reload.watch import Watch
from brain.engine.brain import Brain
from brain.engine.engine import Draw, Generate, Retrieve
from brain.engine.models import Shelf

TRIED_WITH: Final = "base"
"""The shipped model that every version is tried with: the smallest that comes with aios."""

_LOG: Final = logging.getLogger("aios.brain")


@final
class Keeper:
    """The brain's versions for one daemon. The shipped rooms serve first; what the user's folder holds follows."""

    def __init__(
        self,
        places: Places,
        rooms: Path,
        *,
        generate: Generate,
        draw: Draw | None = None,
        retrieve: Retrieve,
        memories: Recaller,
        shelf: Shelf,
        trial: Trial | None = None,
    ) -> None:
        """``rooms`` is where the shipped rooms lie; the three calls are theirs. Starts nothing."""
        shipped = read_rooms(rooms)
        self._folder = places.brain
        self._quarantine = Quarantine(places.quarantine)
        self.versions = Versions(Brain(version_of(shipped), generate, retrieve, draw), self._gave_up)
        self.reloader = Reloader(
            rooms=Rooms(shipped, rooms, places.brain),
            versions=self.versions,
            quarantine=self._quarantine,
            trial=trial or ChildTrial(rooms / "pretrained" / TRIED_WITH),
            memories=memories,
            shelf=shelf,
        )
        self.executor = ThreadPoolExecutor(1, thread_name_prefix="brain")

    async def watch(self) -> None:
        """Take what the user's folder holds, now and after every change, until cancelled."""
        reloader, loop = self.reloader, asyncio.get_running_loop()

        async def do(work: Callable[[], None]) -> None:
            await loop.run_in_executor(self.executor, work)

        watch = Watch(
            self._folder,
            self.executor,
            touched=lambda: do(reloader.prepare),
            settled=lambda: do(reloader.changed),
            rested=lambda: do(reloader.rest),
        )
        await watch.run()

    def close(self) -> None:
        """Give back children and the thread; a reload that runs is refused."""
        self.reloader.close()
        self.executor.shutdown(wait=True, cancel_futures=True)

    def _gave_up(self, version: str, why: str) -> None:
        _LOG.warning("brain given up", extra={"left": version, "brain": self.versions.serving, "why": why})
        try:
            self._quarantine.add(version, why)
        except AiosError as error:
            _LOG.error("the quarantine cannot be written", exc_info=error)
