"""The versions that are loaded and the one that serves: a single reference, flipped forth and back. It builds none."""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final, Protocol, final

from brain.base.errors import NotFound
from brain.base.reports import BrainReport
from brain.daemon.hot_reload import canary
from brain.engine.brain import Brain, Brains, Call

KEPT: Final = 3
"""How many versions stay loaded beside the shipped one, which always does: the one that serves and those before it."""


class Package(Protocol):
    """What a version's modules are given back through; ``loader.Loaded`` is one."""

    def unload(self) -> None:
        """Forget the modules."""


@final
@dataclass(eq=False)
class _Kept:
    """A loaded version, its calls so far and how the last of them ended."""

    brain: Brain
    package: Package | None
    own: tuple[str, ...]
    running: int = 0
    finished: int = 0
    failed: int = 0
    recent: deque[canary.Outcome] = field(default_factory=lambda: deque(maxlen=canary.REMEMBERED))

    def report(self, state: str, watched: int) -> BrainReport:
        """It, as told to clients."""
        doubts = [one.doubt for one in self.recent if one.doubt is not None]
        doubt = sum(doubts) / len(doubts) if doubts else -1.0
        return BrainReport(self.brain.version, state, self.own, self.finished, self.failed, doubt, watched)


@final
class Versions(Brains):
    """Every call holds the version that serves when it begins, and ends on it.

    A version that serves newly is watched for ``watched`` calls; when it does worse than the one before it, that one
    serves again at once and ``gave_up`` is told version and reason, on the thread of the call that showed it.
    Safe to use from several threads. Cost of a flip: a lock that is held for microseconds.
    """

    def __init__(
        self, shipped: Brain, gave_up: Callable[[str, str], None], *, watched: int = canary.CALLS, kept: int = KEPT
    ) -> None:
        self._lock = threading.Lock()
        self._shipped = _Kept(shipped, None, ())
        self._serving = self._shipped
        self._before: _Kept | None = None
        self._left = 0
        self._order: list[_Kept] = []
        self._leaving: list[_Kept] = []
        self._gave_up = gave_up
        self._watched = watched
        self._most = kept

    @property
    def serving(self) -> str:
        """The name of the version that the next call gets."""
        return self._serving.brain.version

    @property
    def package(self) -> Package | None:
        """The modules of the version that serves; None for the shipped one."""
        return self._serving.package

    @contextlib.contextmanager
    def call(self) -> Iterator[Call]:
        """Hold the version that serves now until the block ends."""
        with self._lock:
            kept = self._serving
            kept.running += 1
        call, error = Call(kept.brain), None
        try:
            yield call
        except BaseException as raised:
            error = raised
            raise
        finally:
            self._ended(kept, canary.outcome(error, call.uncertainty))

    def package_of(self, version: str) -> Package | None:
        """The modules of a loaded version; None for the shipped one. Raises NotFound."""
        return self._named(version).package

    def has(self, version: str) -> bool:
        """Whether a version of that name is loaded."""
        return any(one.brain.version == version for one in self._all())

    def take(self, brain: Brain, package: Package, own: tuple[str, ...]) -> None:
        """Let a new version serve, watched; the oldest is given back when there are more than are kept."""
        with self._lock:
            self._flip(_Kept(brain, package, own))
        self._give_back()

    def back_to(self, version: str, *, watched: bool = False) -> None:
        """Let a loaded version serve. Raises NotFound where none has that name."""
        with self._lock:
            self._flip(self._named(version), watched=watched)
        self._give_back()

    def before(self) -> str:
        """The version that served before this one, the shipped one where no other is left."""
        with self._lock:
            return self._former().brain.version

    def drop(self, version: str) -> None:
        """Keep a version no longer; the one that serves and the shipped one stay."""
        with self._lock:
            for kept in [one for one in self._order if one.brain.version == version and one is not self._serving]:
                self._leave(kept)
        self._give_back()

    def reports(self) -> list[BrainReport]:
        """The one that serves, then those that are kept, the newest first."""
        with self._lock:
            others = [one for one in (*reversed(self._order), self._shipped) if one is not self._serving]
            state = "watched" if self._left else "serving"
            return [self._serving.report(state, self._left), *(one.report("kept", 0) for one in others)]

    def _ended(self, kept: _Kept, ended: canary.Outcome) -> None:
        why = ""
        with self._lock:
            kept.running -= 1
            kept.finished += 1
            kept.failed += ended.failed
            kept.recent.append(ended)
            if kept is self._serving and self._left:
                self._left -= 1
                why = canary.worse(tuple(self._before.recent) if self._before else (), tuple(kept.recent))
                if why:
                    self._flip(self._former(), watched=False)
                    self._leave(kept)
        if why:
            self._gave_up(kept.brain.version, why)
        self._give_back()

    def _flip(self, kept: _Kept, *, watched: bool = True) -> None:
        if kept is self._serving:
            return
        self._before, self._serving = self._serving, kept
        self._left = self._watched if watched else 0
        if watched:
            kept.recent.clear()
        if kept is self._shipped:
            return
        self._order = [*(one for one in self._order if one is not kept), kept]
        for old in self._order[: -self._most]:
            self._leave(old)

    def _leave(self, kept: _Kept) -> None:
        if kept in self._order:
            self._order.remove(kept)
            self._leaving.append(kept)

    def _give_back(self) -> None:
        """Unload what no call runs in any more, outside of the lock."""
        with self._lock:
            gone = [one for one in self._leaving if not one.running]
            self._leaving = [one for one in self._leaving if one.running]
        for kept in gone:
            if kept.package is not None:
                kept.package.unload()

    def _former(self) -> _Kept:
        if self._before is not None and self._before is not self._serving and self._before in self._all():
            return self._before
        older = [one for one in self._order if one is not self._serving]
        return older[-1] if older else self._shipped

    def _named(self, version: str) -> _Kept:
        found = next((one for one in self._all() if one.brain.version == version), None)
        if found is None:
            known = ", ".join(one.brain.version for one in self._all())
            raise NotFound(f"no version {version!r} is loaded", hint=f"loaded are {known}", field="version")
        return found

    def _all(self) -> list[_Kept]:
        return [*self._order, self._shipped]
