"""How the house runs: one typed, frozen set of values and where each came from; a model is told by ``score.json``."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final, final

from brain.base import env
from brain.base.errors import CorruptData, InvalidInput, StorageFailed

VERSION: Final = 1
"""The version of the settings file that this aios reads."""

_KINDS: Final = {str: "a text", int: "a whole number", float: "a number"}
_FILE_LIMIT_BYTES: Final = 1 << 20


@final
@dataclass(frozen=True, kw_only=True)
class DaemonSettings:
    """The daemon's settings with their defaults; ``CHECKS`` holds what each may be."""

    model: str = "base"
    backend: str = "auto"
    embedder: str = "hashed-words-1"
    threads: int = 0
    queue_length: int = 16
    max_deadline_s: float = 600.0
    drain_s: float = 8.0
    log_level: str = "info"
    canvas_fps: float = 30.0


@final
@dataclass(frozen=True)
class Check:
    """What a setting may be: one of ``words``, or a number from ``low`` to ``high``; ``meaning`` is for the user."""

    meaning: str
    words: tuple[str, ...] = ()
    low: float = 0
    high: float = 0


CHECKS: Final[Mapping[str, Check]] = {
    "model": Check("the model that is used when none is named"),
    "backend": Check("the body that computes", words=("auto", "native", "torch")),
    "embedder": Check("what finds memories: a name, or folder: and the path of a model2vec model"),
    "threads": Check("threads of the native body; 0 is one a core", low=0, high=256),
    "queue_length": Check("generations that may wait; more are refused", low=1, high=1024),
    "max_deadline_s": Check("the longest a generation may take, in seconds", low=0.1, high=86_400),
    "drain_s": Check("how long a stop waits for running generations, in seconds", low=0, high=10),
    "log_level": Check("what is written to the log", words=("debug", "info", "warning", "error")),
    "canvas_fps": Check("states a second that are sent to one reader at most", low=1, high=240),
}


@final
@dataclass(frozen=True)
class Loaded:
    """Settings and, for each name, its origin: "default", the file's path, an ``AIOS_*`` name or "flag"."""

    settings: DaemonSettings
    origin: Mapping[str, str]


def load(file: Path, environ: Mapping[str, str], flags: Mapping[str, Any] | None = None) -> Loaded:
    """Flag before ``AIOS_*`` before file before default.

    Raises: InvalidInput for an unknown name, a wrong type or range; CorruptData for a file that is not TOML;
    StorageFailed when it cannot be read. A file that is not there counts as empty.
    """
    values: dict[str, Any] = {}
    origin = {f.name: "default" for f in fields(DaemonSettings)}
    for name, value in _of_file(file).items():
        values[name], origin[name] = _checked(name, value, str(file)), str(file)
    for name in origin:
        variable = env.SETTING_PREFIX + name.upper()
        if (text := environ.get(variable)) is not None:
            values[name], origin[name] = _checked(name, _parsed(name, text, variable), variable), variable
    for name, value in (flags or {}).items():
        if value is not None:
            values[name], origin[name] = _checked(name, value, f"flag {name}"), "flag"
    return Loaded(DaemonSettings(**values), origin)


def _of_file(file: Path) -> dict[str, Any]:
    try:
        if file.stat().st_size > _FILE_LIMIT_BYTES:
            raise CorruptData(f"{file} is larger than {_FILE_LIMIT_BYTES} bytes", hint="a settings file is a few lines")
        table = tomllib.loads(file.read_bytes().decode("utf-8"))
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise StorageFailed(f"{file}: {error.strerror}", errno=error.errno, filename=str(file)) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise CorruptData(f"{file} is not a settings file: {error}", hint="mend it, or move it away") from error
    version = table.pop("version", VERSION)
    if version != VERSION:
        raise InvalidInput(f"{file} has the version {version!r}", hint=f"this aios reads version {VERSION}")
    return table


def _checked(name: str, value: Any, where: str) -> Any:
    check = CHECKS.get(name)
    if check is None:
        raise InvalidInput(f"{where} sets {name!r}", hint=f"the settings are {', '.join(CHECKS)}", field=name)
    default = getattr(DaemonSettings, name)
    if isinstance(default, float) and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if type(value) is not type(default):
        raise InvalidInput(
            f"{name} in {where} is {value!r}", hint=f"it is {_KINDS[type(default)]}: {check.meaning}", field=name
        )
    if check.words and value not in check.words:
        raise InvalidInput(f"{name} in {where} is {value!r}", hint=f"one of {', '.join(check.words)}", field=name)
    if not isinstance(value, str) and not check.low <= value <= check.high:
        raise InvalidInput(f"{name} in {where} is {value!r}", hint=f"{check.low} to {check.high}", field=name)
    return value


def _parsed(name: str, text: str, variable: str) -> Any:
    kind = type(getattr(DaemonSettings, name))
    try:
        return kind(text)
    except ValueError as error:
        raise InvalidInput(f"{variable} is {text!r}", hint=f"it is {_KINDS[kind]}", field=name) from error
