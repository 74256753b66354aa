"""From the files on disk to the version that serves, all or nothing: snapshot, trial, in place, hand-over, flip.

It decides nothing about a version that serves (``versions.py`` does) and watches no folder (``watch.py`` does).
"""

from __future__ import annotations

import gc
import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

from brain.base.errors import AiosError, Conflict, RejectedByGate
from brain.base.reports import BrainReport
from brain.conditioning.retrieval import Recaller
from brain.daemon.hot_reload.assembly import Assembly
from brain.daemon.hot_reload.blame import attempt, blamed
from brain.daemon.hot_reload.contract import hand_over
from brain.daemon.hot_reload.exam import examine
from brain.daemon.hot_reload.loader import Loaded
from brain.daemon.hot_reload.overlay import read_overlay
from brain.daemon.hot_reload.quarantine import Quarantine
from brain.daemon.hot_reload.snapshot import MEND, Compiled, Compiler, Snapshot, snapshot
from brain.daemon.hot_reload.trial import Trial
from brain.daemon.hot_reload.versions import Versions
from brain.engine.brain import Brain
from brain.engine.models import Shelf
from brain.native.cancel import CancelToken

IN_PLACE_S: Final = 10.0
"""How long a version that passed its trial may take to be loaded here, and to pass a short one again."""
BY_HAND: Final = "rolled back by hand"

_LOG: Final = logging.getLogger("aios.brain")


@final
@dataclass(frozen=True)
class Rooms:
    """The shipped files of the rooms as they were when the daemon started, where they lie, and the user's folder."""

    shipped: Mapping[str, bytes]
    shipped_folder: Path
    own_folder: Path


@final
class Reloader:
    """Takes new versions. One call at a time: the others wait; ``close`` may be called at any time.

    Cost: reading and hashing the user's files, a millisecond, where nothing changed; else a few tenths of a second, of
    which live calls notice the import of some 40 small modules.
    """

    def __init__(
        self,
        *,
        rooms: Rooms,
        versions: Versions,
        quarantine: Quarantine,
        trial: Trial,
        memories: Recaller,
        shelf: Shelf,
    ) -> None:
        self._rooms = rooms
        self._versions = versions
        self._quarantine = quarantine
        self._trial = trial
        self._memories = memories
        self._shelf = shelf
        self._compiler = Compiler()
        self._lock = threading.Lock()
        self._refused: tuple[str, str] | None = None
        self._loads = 0

    def prepare(self) -> None:
        """Files are being changed: have a child ready for the next version."""
        self._trial.prepare()

    def rest(self) -> None:
        """Nobody has changed a file for a while: keep nothing ready."""
        self._trial.rest()

    def reload(self, *, force: bool = False) -> str:
        """Let the version that is on disk serve, and give its name; where it serves already, nothing happens.

        ``force`` takes it out of quarantine first. Raises: RejectedByGate, naming file and line, for a version that
        does not pass or is in quarantine; PermissionRefused and InvalidInput for files that are not taken;
        CorruptData and StorageFailed. In all of these the version that served goes on serving.
        """
        with self._lock:
            taken = self._taken()
            try:
                self._serve(taken, force=force)
            except AiosError as error:
                self._told(taken.version, error)
                raise
            self._refused = None
            return taken.version

    def changed(self) -> None:
        """``reload`` for a watcher: the same files are refused once, and what is refused is told in the log alone."""
        with self._lock:
            try:
                taken = self._taken()
                if self._refused is None or self._refused[0] != taken.version:
                    self._quiet(taken)
            except AiosError as error:
                self._told("", error)

    def rollback(self, version: str = "") -> tuple[str, str]:
        """Go back to a loaded version, by default the one before; gives (the one left, the one that serves now).

        The one that is left goes into quarantine, so that its files are not taken again by themselves.
        Raises: Conflict where there is none to go back to; NotFound; CorruptData and StorageFailed.
        """
        with self._lock:
            left, to = self._versions.serving, version or self._versions.before()
            if left == to:
                raise Conflict(f"{left} serves already", hint="aios brain list shows what one can go back to")
            self._versions.back_to(to)
            if self._versions.package_of(left) is not None:
                self._quarantine.add(left, BY_HAND)
                self._versions.drop(left)
            _LOG.info("brain rolled back", extra={"left": left, "brain": to})
            return left, to

    def reports(self) -> list[BrainReport]:
        """What serves, what is kept, what was refused last, what is in quarantine."""
        told = self._versions.reports()
        held = self._quarantine.versions()
        told += [BrainReport(version, "quarantined", why=why) for version, why in held.items()]
        if self._refused is not None and self._refused[0] not in held:
            version, why = self._refused
            told.append(BrainReport(version, "refused", why=why))
        return told

    def close(self) -> None:
        """Give back the children; a reload that runs is refused."""
        self._trial.close()

    def _taken(self) -> Snapshot:
        rooms = self._rooms
        return snapshot(rooms.shipped, read_overlay(rooms.own_folder), rooms.shipped_folder, rooms.own_folder)

    def _quiet(self, taken: Snapshot) -> None:
        try:
            self._serve(taken, force=False)
            self._refused = None
        except AiosError as error:
            self._told(taken.version, error)

    def _told(self, version: str, error: AiosError) -> None:
        if self._refused != (version, error.message):
            _LOG.warning("brain refused", extra={"brain": version, "why": error.message})
        self._refused = (version, error.message)

    def _serve(self, taken: Snapshot, *, force: bool) -> None:
        version = taken.version
        if force:
            self._quarantine.release(version)
        if version == self._versions.serving:
            return
        if why := self._quarantine.versions().get(version):
            hint = "change the files, or: aios brain reload --force"
            raise RejectedByGate(f"{version} is in quarantine: {why}", hint=hint)
        if self._versions.has(version):
            self._versions.back_to(version, watched=True)
        else:
            self._take(taken)
        # A version that was given back lives in cycles of classes and functions until they are looked for.
        gc.collect()
        _LOG.info("brain serves", extra={"brain": version, "own": sorted(taken.own)})

    def _take(self, taken: Snapshot) -> None:
        """Compile, try in a child, try here, flip."""
        compiled = self._compiler.compile(taken)
        try:
            self._trial.run(compiled)
            brain, loaded = self._in_place(compiled)
            self._versions.take(brain, loaded, tuple(sorted(taken.own)))
        finally:
            self._trial.tidy()

    def _in_place(self, compiled: Compiled) -> tuple[Brain, Loaded]:
        """Load it here, try it shortly with the open model, hand over what rooms keep: or leave nothing behind."""
        if not self._loads:
            # What was made until now stays: looking for what a version leaves behind need not walk through it.
            gc.freeze()
        self._loads += 1
        loaded = Loaded(compiled, f"_{self._loads}")
        made: list[Brain] = []

        def work() -> None:
            assembly = Assembly(loaded)
            model = self._shelf.opened()
            if model is not None and model.tokenizer is not None:
                subject = assembly.subject(model.body, model.tokenizer, model.calibration)
                examine(subject, CancelToken(IN_PLACE_S), all_of_it=False)
            serving = self._versions.package
            hand_over(serving if isinstance(serving, Loaded) else None, loaded)
            made.append(assembly.brain(self._memories))

        error = _within(IN_PLACE_S, work)
        if error is not None:
            loaded.unload()
            raise RejectedByGate(blamed(error, compiled.paths), hint=MEND) from error
        return made[0], loaded


def _within(seconds: float, work: Callable[[], None]) -> BaseException | None:
    """What ``work`` raised, on a thread that is left to itself when it takes longer."""
    ended: list[BaseException | None] = []
    thread = threading.Thread(target=lambda: ended.append(attempt(work)), name="brain in place", daemon=True)
    thread.start()
    thread.join(seconds)
    return ended[0] if ended else RejectedByGate(f"it was not done after {seconds:g} s in the daemon", hint=MEND)
