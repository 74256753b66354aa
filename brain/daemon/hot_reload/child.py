"""The child process in which a version is tried first: it may raise, hang or die here without anybody noticing.

Words: the folder of a model, and the numbers of two open files: the verdict is written to one, to the other, before
each line of the version's files, which line that is. Standard input brings the version, once the model is open.
"""

from __future__ import annotations

import _thread
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Mapping
from mmap import mmap
from pathlib import Path
from types import FrameType
from typing import Any, Final, NoReturn, final

from brain.backends.select import open_body
from brain.conditioning.retrieval import retrieve
from brain.daemon.hot_reload.assembly import Assembly
from brain.daemon.hot_reload.blame import Harm, attempt, blamed
from brain.daemon.hot_reload.exam import Subject, examine
from brain.daemon.hot_reload.loader import Loaded
from brain.daemon.hot_reload.trail import LINE, read
from brain.diffusion import canvas
from brain.diffusion.core import generate
from brain.native.tokenizer import Tokenizer
from brain.uncertainty.calibration import Calibration

READY: Final = b"ready\n"

_FORBIDDEN: Final = frozenset(
    {
        "os.exec",
        "os.fork",
        "os.forkpty",
        "os.posix_spawn",
        "os.spawn",
        "os.system",
        "pty.spawn",
        "subprocess.Popen",
    }
)
_THREADS: Final = 2
_LATEST_S: Final = 120


@final
class Watched:
    """Keeps watch while a version's files run: the line goes to the trail; processes, threads and sleep are refused."""

    def __init__(self, trail: int, paths: Mapping[str, str]) -> None:
        self._trail = mmap(trail, LINE.size)
        self._numbers = {path: number for number, path in enumerate(paths, start=1)}
        self._on = False
        sys.addaudithook(self._audit)

    def __enter__(self) -> None:
        """Begin."""
        self._on = True
        # Neither sleeping nor starting a thread raises an audit event in Python 3.11.
        self._usual = (time.sleep, _thread.start_new_thread, threading._start_new_thread)  # type: ignore[attr-defined]
        _set_threads_and_sleep(_no_sleep, _no_thread, _no_thread)
        self._traced = sys.gettrace()
        sys.settrace(self._trace)

    def __exit__(self, *_: object) -> None:
        """End: what follows is ours."""
        sys.settrace(self._traced)
        _set_threads_and_sleep(*self._usual)
        self._on = False

    def _audit(self, event: str, given: tuple[object, ...]) -> None:
        if self._on and event in _FORBIDDEN:
            raise Harm(f"a version starts no process and no thread of its own ({event})")

    def _trace(self, frame: FrameType, event: str, given: Any) -> Any:
        number = self._numbers.get(frame.f_code.co_filename)
        if number is None:
            return None
        LINE.pack_into(self._trail, 0, number, frame.f_lineno)
        return self._trace


def main(words: list[str]) -> int:
    """Open the model, say so, take the version from standard input, try it, write the verdict: JSON on one line."""
    folder, verdict, trail = Path(words[0]), int(words[1]), int(words[2])
    body, tokenizer = open_body(folder, "native", _THREADS), Tokenizer.open(folder / "tokenizer.json")
    calibration = Calibration.load(folder)
    # The first generation of a process reads the weights in: better now than when somebody waits.
    examine(Subject(generate, retrieve, canvas.generate, body, tokenizer, calibration), None, all_of_it=False)
    os.write(verdict, READY)
    brought = sys.stdin.buffer.read()
    if not brought:
        return 0
    compiled = read(brought)
    watched = Watched(trail, compiled.paths)

    def tried() -> None:
        with watched:
            examine(Assembly(Loaded(compiled)).subject(body, tokenizer, calibration), None, all_of_it=True)

    # A child whose daemon was killed would otherwise loop for ever.
    signal.alarm(_LATEST_S)
    refused = ""
    if error := attempt(tried):
        refused = blamed(error, compiled.paths)
    signal.alarm(0)
    os.write(verdict, json.dumps({"process": os.getpid(), "refused": refused}).encode() + b"\n")
    return 0


def _no_sleep(seconds: float) -> NoReturn:
    raise Harm(f"a version never sleeps ({seconds:g} s)")


def _no_thread(*_: object) -> NoReturn:
    raise Harm("a version starts no process and no thread of its own (threading)")


def _set_threads_and_sleep(sleep: Any, start: Any, start_in_threading: Any) -> None:
    time.sleep, _thread.start_new_thread = sleep, start
    threading._start_new_thread = start_in_threading  # type: ignore[attr-defined]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
