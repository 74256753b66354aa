"""Reads the user's own files of the rooms that think, if nobody else could have written them. It runs none of them."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from brain.base.errors import InvalidInput, PermissionRefused, ResourceExhausted, StorageFailed
from brain.daemon.brain_version import ROOMS
from brain.daemon.lifecycle import PRIVATE, WRITABLE

FIXED: Final = (
    *(f"conditioning/{name}.py" for name in ("embedding", "fused", "lexical", "memory", "near", "providers")),
    *(f"diffusion/{name}.py" for name in ("coders", "folder")),
)
"""Files of these rooms that the daemon holds objects of (open memories, decoders): no version has its own."""

FILES_LIMIT: Final = 512
FILE_LIMIT_BYTES: Final = 1 << 20
_DEPTH_LIMIT: Final = 8


def read_overlay(folder: Path, looks: int = 3) -> dict[str, bytes]:
    """The content of every ``.py`` file below ``folder`` by its path there; nothing where the folder is not there.

    Names that no module can have (editors' temporary files, hidden ones, ``__pycache__``) are passed over.

    Raises: PermissionRefused, naming the path, for a folder, file or link that another user owns or could change, for a
    ``folder`` whose mode is not 0700 and a link that leaves it; InvalidInput for a file that lies in no room or is no
    text file of a sane size; ResourceExhausted for more than ``FILES_LIMIT``; StorageFailed.
    """
    try:
        _check(folder.lstat(), "brain", PRIVATE)
        root = folder.resolve(strict=True)
        files: dict[str, bytes] = {}
        for path in _python_files(root, root):
            name = path.relative_to(root).as_posix()
            files[name] = _content(root, path, name)
            if len(files) > FILES_LIMIT:
                raise ResourceExhausted(f"brain/ has more than {FILES_LIMIT} files", hint="keep those that you changed")
    except FileNotFoundError as error:
        if not folder.exists():
            return {}
        # Gone between two looks: an editor replaces it just now. The next look finds what it left.
        if looks > 1:
            return read_overlay(folder, looks - 1)
        raise StorageFailed(f"brain/ names a file that is not there: {_name(folder, error)}") from error
    except OSError as error:
        raise StorageFailed(f"brain/ cannot be read: {error.strerror}", errno=error.errno) from error
    return files


def _python_files(root: Path, folder: Path, depth: int = 0) -> Iterator[Path]:
    if depth > _DEPTH_LIMIT:
        raise InvalidInput(f"{_told(root, folder)} lies too deep", hint="rooms are not that deep")
    for path in sorted(folder.iterdir()):
        if path.name.endswith(".py") and path.stem.isidentifier():
            _check_place(path.relative_to(root).as_posix())
            yield path
        elif path.name.isidentifier() and path.name != "__pycache__" and (path.is_symlink() or path.is_dir()):
            _check(path.lstat(), _told(root, path), WRITABLE)
            if depth == 0 and path.name not in ROOMS:
                raise InvalidInput(f"{_told(root, path)} is no room that can be replaced", hint=_rooms())
            yield from _python_files(root, path, depth + 1)


def _check_place(name: str) -> None:
    if "/" not in name:
        raise InvalidInput(f"brain/{name} lies in no room", hint=_rooms())
    if name in FIXED:
        hint = "the daemon keeps the memories open with its own; change the other files of the room"
        raise InvalidInput(f"brain/{name} cannot be replaced while the daemon runs", hint=hint)


def _content(root: Path, path: Path, name: str) -> bytes:
    """The bytes of a file that is ours alone, by one descriptor, so that what was checked is what is read."""
    if path.is_symlink():
        target = path.resolve()
        if not target.is_relative_to(root):
            raise PermissionRefused(f"brain/{name} is a link that leaves the folder", hint="put the file itself there")
        _check(path.lstat(), f"brain/{name}", 0)
        path = target
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as file:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise InvalidInput(f"brain/{name} is not a file", hint="move it away")
        _check(found, f"brain/{name}", WRITABLE)
        content = file.read(FILE_LIMIT_BYTES + 1)
    if len(content) > FILE_LIMIT_BYTES:
        raise InvalidInput(
            f"brain/{name} has more than {FILE_LIMIT_BYTES} bytes", hint="a room's file is a page or two"
        )
    return content


def _check(found: os.stat_result, told: str, refused: int) -> None:
    if stat.S_ISLNK(found.st_mode) and refused:
        raise PermissionRefused(f"{told} is a link", hint="put the folder itself there")
    if refused == PRIVATE and not stat.S_ISDIR(found.st_mode):
        raise PermissionRefused(f"{told} is not a folder of its own", hint="move away what is there")
    if found.st_uid != os.geteuid():
        raise PermissionRefused(
            f"{told} belongs to user {found.st_uid}, not to you", hint="make it your own, or go without"
        )
    if found.st_mode & refused:
        mode = stat.S_IMODE(found.st_mode)
        raise PermissionRefused(
            f"{told} has mode {mode:04o}", hint="others must keep out: chmod -R go-w, and 700 for brain/"
        )


def _name(folder: Path, error: FileNotFoundError) -> str:
    path = Path(str(error.filename))
    return path.relative_to(folder.resolve()).as_posix() if path.is_relative_to(folder.resolve()) else path.name


def _told(root: Path, path: Path) -> str:
    return f"brain/{path.relative_to(root).as_posix()}"


def _rooms() -> str:
    return f"the rooms are {', '.join(ROOMS)}"
