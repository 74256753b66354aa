"""``aios serve``, ``aios status`` and ``aios stop``: the daemon's life as a user sees it."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from dataclasses import asdict
from typing import Final

from brain.base.errors import DeadlineExceeded, Unreachable
from brain.base.reports import Status
from brain.cli.connection import connected, here
from brain.client.launch import running

STOP_TIMEOUT_S: Final = 15.0
"""How long ``aios stop`` waits for the daemon to be gone; it drains for at most ten seconds."""


def serve(words: argparse.Namespace) -> int:
    """Become the daemon, in the foreground: this process is replaced, so that signals reach it as they are."""
    flags = {"model": words.model, "backend": words.backend, "threads": words.threads}
    given = [part for name, value in flags.items() if value is not None for part in (f"--{name}", str(value))]
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-m", "brain.daemon.main", *given])


def status(words: argparse.Namespace) -> int:
    """How the daemon is; exit code 12 when it does not run."""
    with connected(start=False) as client:
        told = client.status()
    print(json.dumps(asdict(told)) if words.json else "\n".join(lines(told)))
    return 0


def lines(told: Status) -> list[str]:
    """A status in words, a line a fact."""
    doubt = "no answers yet" if told.recent_uncertainty < 0 else f"{told.recent_uncertainty:.2f} lately"
    return [
        f"{told.state:<12} aios {told.version}, brain {told.brain}, process {told.pid}, up {_span(told.uptime_s)}",
        f"model        {told.model} on the {told.backend} body ({told.cpu})",
        f"calls        {told.running} running, {told.queued} waiting, {told.finished} finished "
        f"({told.failed} failed, {told.cancelled} cancelled)",
        f"uncertainty  {doubt}",
        f"memories     {told.memories} ({_size(told.memory_bytes)} on disk)",
        f"held         {_size(told.resident_bytes)} of memory",
    ]


def stop(words: argparse.Namespace) -> int:
    """Ask the daemon to stop and wait until it is gone; not running at all counts as stopped."""
    pid = running(here())
    if pid is None:
        print("aios does not run")
        return 0
    try:
        with connected(start=False) as client:
            left = client.shutdown()
    except Unreachable:
        left = 0
    if left:
        print(f"{left} running; they may finish", flush=True)
    end = time.monotonic() + STOP_TIMEOUT_S
    while running(here()) == pid:
        if time.monotonic() > end:
            raise DeadlineExceeded(f"process {pid} is still there after {STOP_TIMEOUT_S:.0f} s", hint=f"kill {pid}")
        time.sleep(0.02)
    print("stopped")
    return 0


def _span(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"


def _size(count: int) -> str:
    size = float(count)
    for unit in ("B", "kB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"
