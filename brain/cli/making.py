"""What ``aios image``, ``say`` and ``plan`` share: the flow's words, the stream, what is said of a result."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, TextIO

from brain.base.errors import InvalidInput, NotFound, StorageFailed
from brain.base.messages import Accepted, CanvasRequest, CanvasResponse, CanvasState, FlowSettings
from brain.client.client import Client

STDOUT = "-"
_WIDTH = 24


def flow_of(words: argparse.Namespace, usual: FlowSettings) -> FlowSettings:
    """The flow's settings that the words name; what they leave out stays as it is."""
    named = {name: getattr(words, name) for name in ("sampler", "steps", "guidance", "grid", "seed")}
    return replace(usual, **{name: value for name, value in named.items() if value is not None})


def made(client: Client, request: CanvasRequest, words: argparse.Namespace) -> tuple[CanvasResponse, int]:
    """Run a request and show how far it is; gives the response and how many steps it took.

    The call is withdrawn when this is left by an error or Ctrl-C.
    """
    events: Iterator[Accepted | CanvasState | CanvasResponse] = client.make(request)
    bar = None if words.json or not sys.stderr.isatty() else sys.stderr
    steps = 0
    try:
        for event in events:
            match event:
                case Accepted():
                    if words.json:
                        say("accepted", asdict(event))
                case CanvasState(step, passes, whole, _):
                    steps = step
                    if words.json:
                        say("state", {"step": step, "passes": passes, "steps": whole})
                    _draw_bar(bar, step, whole)
                case CanvasResponse():
                    return event, steps
    finally:
        if bar is not None:
            print("\r\x1b[K", end="", file=bar, flush=True)
    raise InvalidInput("the stream ended without a result", hint="look into the daemon's log")


def finish(response: CanvasResponse, words: argparse.Namespace, **more: Any) -> None:
    """Say what was made: an object with ``--json``, else lines on standard error. The file itself is not in it."""
    told = {name: value for name, value in asdict(response).items() if name != "data"}
    told |= {"bytes": len(response.data), "seconds": response.timings.total_s, **more}
    if words.json:
        say("final", told)
        return
    doubt = "" if response.uncertainty is None else f"uncertainty {response.uncertainty:.2f} · "
    first = f"{doubt}seed {response.seed} · {response.passes} passes · {response.timings.total_s:.2f} s"
    print(f"{first} · model {response.model} · brain {response.brain}", file=sys.stderr)
    if response.warning:
        print(response.warning, file=sys.stderr)


def write(path: str, data: bytes) -> None:
    """Put a result into its file; ``-`` is standard output."""
    if path == STDOUT:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    else:
        Path(path).write_bytes(data)


def check_target(path: str, *, as_json: bool) -> None:
    """Refuse, before anything is computed, a place where nothing can be written."""
    if path == STDOUT:
        if as_json or sys.stdout.isatty():
            raise InvalidInput("standard output is taken", hint="name a file: -o FILE", field="out")
    elif not (folder := Path(path).parent).is_dir():
        raise NotFound(f"there is no folder {folder}", hint="make it first", field="out")


def read(path: Path, most_bytes: int) -> bytes:
    """A file's bytes. Raises NotFound, StorageFailed, and InvalidInput for one that is too large to be sent."""
    try:
        if path.stat().st_size > most_bytes:
            raise InvalidInput(f"{path} has {path.stat().st_size} bytes", hint=f"at most {most_bytes}")
        return path.read_bytes()
    except FileNotFoundError as error:
        raise NotFound(f"there is no file {path}", hint="check the name") from error
    except OSError as error:
        raise StorageFailed(f"{path}: {error.strerror}", errno=error.errno, filename=str(path)) from error


def say(name: str, value: object) -> None:
    """One JSON object on a line of standard output."""
    print(json.dumps({name: value}), flush=True)


def _draw_bar(out: TextIO | None, step: int, whole: int) -> None:
    if out is not None:
        done = round(_WIDTH * step / max(whole, 1))
        print(f"\r{'█' * done}{'░' * (_WIDTH - done)} {step}/{whole}", end="", file=out, flush=True)
