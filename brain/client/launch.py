"""Finds the daemon and starts it when nobody answers. It neither guards the door (the daemon does) nor makes calls."""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from brain.base.errors import TABLE, AiosError, Unreachable
from brain.base.paths import Places
from brain.client.client import Client

if TYPE_CHECKING:
    from subprocess import Popen

START_TIMEOUT_S: Final = 20.0
TAIL_BYTES: Final = 2000
"""How much of the daemon's output an error quotes."""

_PAUSE_S: Final = 0.01
_SAYS: Final = "aiosd: "
"""How a refusal of the daemon begins; what follows is the error as it is told everywhere."""


def connect(places: Places, *, start: bool = True) -> Client:
    """A client of the daemon at ``places``; where none answers and ``start`` is true, one is started first.

    The new daemon finds its places as this process does, from the environment: ``places`` must be those.
    Several callers at once end up with one daemon: those that lose the race for its lock exit by themselves.
    Raises: what the new daemon was refused by (its settings, its folders, its memories); Unreachable when there is
    none and none may be started, or when it does not serve within 20 s (the end of its output is then in the hint).
    """
    if not answers(places.socket):
        if not start:
            raise Unreachable("aiosd does not run", hint="any command that needs it starts it; or: aios serve")
        _launch(places)
    return Client(places)


def answers(path: Path) -> bool:
    """Whether a process listens on the socket. Cost: one connection, about 50 microseconds."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as door:
        return door.connect_ex(str(path)) == 0


def running(places: Places) -> int | None:
    """The process that holds the daemon's lock, also while it starts or drains; None when there is none."""
    try:
        descriptor = os.open(places.lock, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR):
            return None
        raise Unreachable(f"the daemon's lock cannot be read: {error.strerror}", hint=str(places.lock)) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        text = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip()
        return int(text) if text.isdecimal() else 0
    else:
        return None
    finally:
        os.close(descriptor)


def _launch(places: Places) -> None:
    import subprocess

    output = places.logs / "aiosd.out"
    places.logs.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        daemon = subprocess.Popen(
            [sys.executable, "-m", "brain.daemon.main"],
            stdin=subprocess.DEVNULL,
            stdout=descriptor,
            stderr=descriptor,
            start_new_session=True,
            cwd=Path(__file__).resolve().parents[2],
        )
    finally:
        os.close(descriptor)
    _wait(places, daemon, output)


def _wait(places: Places, daemon: Popen[bytes], output: Path) -> None:
    until = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < until:
        if answers(places.socket) and _serves(places, until):
            return
        # Exit code 0 is the loser of a race: somebody else's daemon is starting.
        if daemon.poll():
            raise _refused(daemon.returncode, _tail(output))
        time.sleep(_PAUSE_S)
    raise Unreachable(f"aiosd does not serve after {START_TIMEOUT_S:.0f} s", hint=_tail(output))


def _serves(places: Places, until: float) -> bool:
    import grpc
    from grpc_health.v1 import health_pb2, health_pb2_grpc

    with grpc.insecure_channel(f"unix:{places.socket}") as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        while time.monotonic() < until:
            try:
                told = stub.Check(health_pb2.HealthCheckRequest(), timeout=max(until - time.monotonic(), 0.1))
            except grpc.RpcError:
                return False
            if told.status == health_pb2.HealthCheckResponse.SERVING:
                return True
            time.sleep(_PAUSE_S)
    return False


def _refused(code: int, said: str) -> AiosError:
    """What the daemon ended with: its own error where it told one of the table, else that it is not there."""
    kind = next((row.error for row in TABLE if row.exit_code == code), None)
    what, _, hint = said.partition("\n\nhint: ")
    if kind is None or not what.startswith(_SAYS):
        return Unreachable(f"aiosd ended with exit code {code}", hint=said)
    return kind(f"aiosd does not start: {what.removeprefix(_SAYS)}", hint=hint)


def _tail(output: Path) -> str:
    try:
        text = output.read_bytes()[-TAIL_BYTES:].decode("utf-8", "replace").strip()
    except OSError:
        text = ""
    return text or f"see {output.parent}"
