"""Runs the self-test of a version in a child process and waits for its verdict, for so long and no longer."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from abc import abstractmethod
from contextlib import suppress
from pathlib import Path
from typing import Final, Protocol, final

import brain
from brain.base.errors import RejectedByGate, Unreachable
from brain.daemon.hot_reload.snapshot import MEND, Compiled
from brain.daemon.hot_reload.trail import LINE, written

TRIAL_S: Final = 10.0
"""How long the files may take to be imported and tried; the product's own take a tenth of a second."""
START_S: Final = 30.0
"""How long a child may take to start and open its model."""
_ROOT: Final = Path(brain.__file__).resolve().parents[1]


class Trial(Protocol):
    """Tries a compiled version somewhere where it can do no harm. For one thread, but for ``close``."""

    @abstractmethod
    def prepare(self) -> None:
        """A version may soon be brought: get ready, without waiting."""

    @abstractmethod
    def run(self, compiled: Compiled) -> None:
        """Try it. Raises RejectedByGate, naming file and line where there is one, for a version that fails."""

    @abstractmethod
    def tidy(self) -> None:
        """The version that was tried serves or is refused: now there is time to clear away what the trial left."""

    @abstractmethod
    def rest(self) -> None:
        """No version is expected soon: give back what was made ready."""

    @abstractmethod
    def close(self) -> None:
        """The end, from any thread: a trial that runs is refused, and so is every later one."""


@final
class ChildTrial(Trial):
    """A child process a version, with the shipped model open before the version is brought."""

    def __init__(self, model: Path, *, trial_s: float = TRIAL_S, start_s: float = START_S) -> None:
        self._model = model
        self._trial_s = trial_s
        self._start_s = start_s
        self._spare: _Child | None = None
        self._running: _Child | None = None
        self._ended: list[_Child] = []
        self._closed = False

    def prepare(self) -> None:
        """Start the next child if there is none."""
        if self._spare is None and not self._closed:
            self._spare = _Child(self._model)

    def run(self, compiled: Compiled) -> None:
        """Try it in the child that waits, or in a new one."""
        if self._spare is not None and self._spare.gone:
            self.rest()
        self.prepare()
        child, self._spare = self._spare, None
        if child is None:
            raise Unreachable("the daemon is stopping", hint="try again; the next call starts a new one")
        self._running = child
        try:
            child.ready(self._start_s)
            child.judge(compiled, self._trial_s)
        finally:
            self._running = None
            child.kill()
            self._ended.append(child)

    def tidy(self) -> None:
        """Wait for the children that were killed."""
        ended, self._ended = self._ended, []
        for child in ended:
            child.end()

    def rest(self) -> None:
        """End the child that waits."""
        child, self._spare = self._spare, None
        if child is not None:
            child.end()

    def close(self) -> None:
        """End the child that waits, and kill the one that runs."""
        self._closed = True
        if (running := self._running) is not None:
            running.kill()
        self.rest()


@final
class _Child:
    """One child process in a session of its own, its verdict's pipe, and the file with the line that it runs."""

    def __init__(self, model: Path) -> None:
        self._trail = tempfile.TemporaryFile()  # noqa: SIM115  (closed by end)
        self._trail.truncate(LINE.size)
        self._verdict, theirs = os.pipe()
        os.set_inheritable(theirs, True)
        words = (str(model), str(theirs), str(self._trail.fileno()))
        self._process = subprocess.Popen(
            [sys.executable, "-m", "brain.daemon.hot_reload.child", *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=(theirs, self._trail.fileno()),
            start_new_session=True,
            cwd=_ROOT,
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
        )
        os.close(theirs)
        self._said = b""

    @property
    def gone(self) -> bool:
        """Whether it has ended, by itself or by another's hand."""
        return self._process.poll() is not None

    def ready(self, within_s: float) -> None:
        """Wait until it has opened its model."""
        if self._line(within_s) is None:
            raise RejectedByGate("the child for the self-test did not start", hint="see the log; try again")

    def judge(self, compiled: Compiled, within_s: float) -> None:
        """Bring the version and wait for the verdict."""
        with suppress(BrokenPipeError):
            self._process.stdin.write(written(compiled))  # type: ignore[union-attr]  # it was opened as a pipe
            self._process.stdin.close()  # type: ignore[union-attr]
        line = self._line(within_s)
        if line is None:
            ended = self._process.poll() is not None or self._at_end()
            what = "it ended the process" if ended else f"it was not done after {within_s:g} s"
            raise RejectedByGate(f"{self._where(compiled)}{what}", hint=MEND)
        if refused := self._refusal(line, compiled):
            raise RejectedByGate(refused, hint=MEND)

    def _refusal(self, line: bytes, compiled: Compiled) -> str:
        """What a verdict says against the version; one that is not the child's own is no verdict."""
        try:
            told = json.loads(line)
            if told["process"] == self._process.pid:
                return str(told["refused"])
        except (ValueError, KeyError, TypeError, RecursionError):
            return f"{self._where(compiled)}it wrote into the verdict"
        return f"{self._where(compiled)}it left its process"

    def end(self) -> None:
        """End it and everything that it may have started."""
        self.kill()
        self._process.communicate()
        os.close(self._verdict)
        self._trail.close()

    def kill(self) -> None:
        """Kill it with everything that it may have started."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def _line(self, within_s: float) -> bytes | None:
        """The next line that it says; None when it says none in time, or ends."""
        until = time.monotonic() + within_s
        while b"\n" not in self._said:
            readable, _, _ = select.select([self._verdict], [], [], max(until - time.monotonic(), 0.0))
            more = os.read(self._verdict, 65536) if readable else b""
            if not more:
                return None
            self._said += more
        line, _, self._said = self._said.partition(b"\n")
        return line

    def _at_end(self) -> bool:
        readable, _, _ = select.select([self._verdict], [], [], 0.0)
        return bool(readable)

    def _where(self, compiled: Compiled) -> str:
        """The line of the version that ran last, "sampling/policy.py:12: ", or nothing before the first."""
        number, line = LINE.unpack(os.pread(self._trail.fileno(), LINE.size, 0))
        if not number:
            return ""
        return f"{list(compiled.paths.values())[number - 1]}:{line}: "
