"""The daemon's door in the file system: private folders, one lock, the token, the socket's place. No gRPC here."""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from brain.base.errors import PermissionRefused, StorageFailed

PRIVATE: Final = 0o077
"""Everything that others might do; the umask of the process, and the bits that no folder of ours has."""

WRITABLE: Final = 0o022
"""What others must not do in a folder that holds nothing secret itself: the one of models and of private folders."""

LOCK_ATTEMPTS: Final = 5
LOCK_PAUSE_S: Final = 0.05
"""A client asks whether the lock is held by taking it for a moment: a daemon that starts just then tries again."""


def private_folder(path: Path, refused: int = PRIVATE) -> None:
    """Make ``path`` with mode 0700 if it is not there; refuse it when it is not ours or its mode has a ``refused`` bit.

    Raises: PermissionRefused for another owner, for such a mode, for a link or a file in its place;
    StorageFailed when it cannot be made.
    """
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = path.lstat()
    except FileExistsError:
        found = path.lstat()
    except OSError as error:
        raise StorageFailed(f"{path}: {error.strerror}", errno=error.errno, filename=str(path)) from error
    if not stat.S_ISDIR(found.st_mode):
        raise PermissionRefused(f"{path} is not a folder of its own", hint="move away what is there (a link, perhaps)")
    if found.st_uid != os.geteuid():
        raise PermissionRefused(f"{path} belongs to user {found.st_uid}, not to you", hint="use a folder of your own")
    if found.st_mode & refused:
        raise PermissionRefused(
            f"{path} has mode {stat.S_IMODE(found.st_mode):04o}", hint=f"others must keep out: chmod 700 {path}"
        )


@contextlib.contextmanager
def only_daemon(lock: Path) -> Iterator[int | None]:
    """Hold ``lock`` for as long as the block runs and give None; the file then names this process.

    Where another process holds it, gives that one's number (0 when it has not said yet) and holds nothing. The file
    stays behind: to remove it would let two hold it.
    """
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        if _taken(descriptor):
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
            yield None
        else:
            yield _pid_in(descriptor)
    finally:
        os.close(descriptor)


def new_token(path: Path) -> str:
    """A new secret for this run, in ``path`` with mode 0600, whole or not at all; every earlier one is void."""
    token = secrets.token_urlsafe(32)
    beside = path.with_name(f"{path.name}.{os.getpid()}")
    beside.unlink(missing_ok=True)
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(token)
    beside.replace(path)
    return token


def clear_socket(path: Path) -> None:
    """Take away the socket that a killed daemon left; to be called with the lock held.

    Raises: PermissionRefused when something else lies there.
    """
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise PermissionRefused(f"{path} is not a socket", hint="move it away")
    path.unlink(missing_ok=True)


def check_socket(path: Path) -> None:
    """Make sure of the socket's mode after it was bound. Raises PermissionRefused when others could connect."""
    mode = path.lstat().st_mode
    if not stat.S_ISSOCK(mode) or mode & PRIVATE:
        raise PermissionRefused(f"{path} has mode {stat.S_IMODE(mode):04o} after bind", hint="a umask of 077 is needed")


def _taken(descriptor: int) -> bool:
    for attempt in range(LOCK_ATTEMPTS):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(LOCK_PAUSE_S if attempt + 1 < LOCK_ATTEMPTS else 0)
        else:
            return True
    return False


def _pid_in(descriptor: int) -> int:
    text = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip()
    return int(text) if text.isdecimal() else 0
