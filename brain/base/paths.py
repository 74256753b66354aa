"""Where aios keeps its things on this machine: pure functions of the platform and the environment; creates nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

from brain.base import env
from brain.base.errors import InvalidInput

SOCKET_NAME: Final = "aiosd.sock"
SOCKET_PATH_LIMIT: Final = 103
"""The longest socket path in bytes that macOS takes; Linux takes four more."""


@final
@dataclass(frozen=True)
class Places:
    """The folders of one user's aios. All are made with mode 0700 by whoever needs them first."""

    data: Path
    cache: Path
    logs: Path
    run: Path
    config: Path

    @property
    def socket(self) -> Path:
        """The daemon's unix socket."""
        return self.run / SOCKET_NAME

    @property
    def lock(self) -> Path:
        """Held by the one daemon that serves; holds its process number."""
        return self.run / "aiosd.lock"

    @property
    def token(self) -> Path:
        """The secret that every call carries; mode 0600."""
        return self.run / "token"

    @property
    def models(self) -> Path:
        """The user's own models, a folder each."""
        return self.data / "models"

    @property
    def memories(self) -> Path:
        """The store of memories."""
        return self.data / "memories"

    @property
    def brain(self) -> Path:
        """The user's own files of the rooms that think; they win over ours."""
        return self.data / "brain"

    @property
    def quarantine(self) -> Path:
        """The versions of the brain that went wrong here, by name, and why."""
        return self.data / "brain.quarantine.json"

    @property
    def log(self) -> Path:
        """The daemon's log."""
        return self.logs / "aiosd.log"

    @property
    def settings(self) -> Path:
        """The one settings file."""
        return self.config / "config.toml"


def places(environ: Mapping[str, str], platform: str, home: Path) -> Places:
    """The places of a user whose home is ``home`` on ``platform`` (``sys.platform``'s words).

    ``AIOS_HOME`` wins; then macOS' Library or the XDG folders. Relative values are refused.
    Raises: InvalidInput for a relative folder or a socket path of more than 103 bytes.
    """
    if root := environ.get(env.HOME):
        base = _absolute(env.HOME, root)
        found = Places(base / "data", base / "cache", base / "logs", base / "run", base / "config")
    elif platform == "darwin":
        library = home / "Library"
        support = library / "Application Support" / "aios"
        found = Places(support, library / "Caches" / "aios", library / "Logs" / "aios", support / "run", support)
    else:
        found = _xdg(environ, home)
    length = len(bytes(found.socket))
    if length > SOCKET_PATH_LIMIT:
        raise InvalidInput(
            f"the socket's path has {length} bytes: {found.socket}",
            hint=f"a unix socket's path may have {SOCKET_PATH_LIMIT}; set {env.HOME} to a shorter folder",
            field=env.HOME,
        )
    return found


def _xdg(environ: Mapping[str, str], home: Path) -> Places:
    def folder(name: str, otherwise: Path) -> Path:
        value = environ.get(name)
        return (_absolute(name, value) if value else otherwise) / "aios"

    data = folder(env.XDG_DATA_HOME, home / ".local" / "share")
    runtime = environ.get(env.XDG_RUNTIME_DIR)
    return Places(
        data=data,
        cache=folder(env.XDG_CACHE_HOME, home / ".cache"),
        logs=folder(env.XDG_STATE_HOME, home / ".local" / "state"),
        run=_absolute(env.XDG_RUNTIME_DIR, runtime) / "aios" if runtime else data / "run",
        config=folder(env.XDG_CONFIG_HOME, home / ".config"),
    )


def _absolute(name: str, value: str) -> Path:
    path = Path(value)
    if not path.is_absolute():
        raise InvalidInput(f"{name} is {value!r}", hint="give it an absolute path", field=name)
    return path
