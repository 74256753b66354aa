"""The files that start aios at login, as pure functions: a LaunchAgent for macOS, a user unit for systemd."""

from __future__ import annotations

import plistlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

from brain.base.errors import InvalidInput

LABEL: Final = "io.github.aios.aiosd"
"""The LaunchAgent's label and, with ``.plist``, its file's name."""

UNIT_NAME: Final = "aiosd.service"

THROTTLE_S: Final = 30
EXIT_TIMEOUT_S: Final = 20
UMASK: Final = 0o077


@final
@dataclass(frozen=True)
class Program:
    """What is started, for whom: absolute paths of ``aiosd``, the user's home, the folder of logs, and ``PATH``.

    ``variables`` are further names and values: those that say where aios keeps its things (``AIOS_HOME``, ``XDG_*``).
    """

    executable: Path
    home: Path
    logs: Path
    path: str
    variables: tuple[tuple[str, str], ...] = ()


def launch_agent(program: Program) -> bytes:
    """A LaunchAgent as an XML property list.

    It is restarted when it fails and stays down when it was asked to stop (``SuccessfulExit`` false); no Sockets,
    since the server takes no descriptor; ProcessType is left to the system, which throttles "Background".
    Raises: InvalidInput for a path that is relative or has a control character.
    """
    _check(program)
    return plistlib.dumps(
        {
            "Label": LABEL,
            "ProgramArguments": [str(program.executable)],
            "RunAtLoad": True,
            "KeepAlive": {"SuccessfulExit": False},
            "ThrottleInterval": THROTTLE_S,
            "ExitTimeOut": EXIT_TIMEOUT_S,
            "Umask": UMASK,
            "EnvironmentVariables": {
                "HOME": str(program.home),
                "PATH": program.path,
                "LANG": "en_US.UTF-8",
                **dict(program.variables),
            },
            "StandardOutPath": str(program.logs / "aiosd.out"),
            "StandardErrorPath": str(program.logs / "aiosd.err"),
            "WorkingDirectory": str(program.home),
        },
        sort_keys=True,
    )


def systemd_unit(program: Program) -> str:
    """A systemd user unit; it is restarted when it fails, five times in five minutes at most.

    Raises: InvalidInput for a path that is relative or has a control character.
    """
    _check(program)
    return f"""\
[Unit]
Description=aios, a diffusion brain on this machine
StartLimitIntervalSec=300
StartLimitBurst=5

[Service]
Type=exec
ExecStart={_quoted(str(program.executable))}
Environment={" ".join(_quoted(f"{name}={value}", dollars=False) for name, value in _environment(program))}
Restart=on-failure
RestartSec={THROTTLE_S}
TimeoutStopSec={EXIT_TIMEOUT_S}
UMask={UMASK:04o}
WorkingDirectory={_specifiers(str(program.home))}

[Install]
WantedBy=default.target
"""


def _environment(program: Program) -> tuple[tuple[str, str], ...]:
    return (("PATH", program.path), *program.variables)


def _quoted(word: str, *, dollars: bool = True) -> str:
    """A word as systemd reads it back (systemd.service(5), systemd.syntax(7)); ``$`` is special in ExecStart only."""
    escaped = _specifiers(word).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped.replace("$", "$$") if dollars else escaped}"'


def _specifiers(word: str) -> str:
    return word.replace("%", "%%")


def _check(program: Program) -> None:
    for path in (program.executable, program.home, program.logs):
        if not path.is_absolute():
            raise InvalidInput(f"the path is {str(path)!r}", hint="an absolute path", field="path")
    values = (value for _, value in program.variables)
    for text in (str(program.executable), str(program.home), str(program.logs), program.path, *values):
        if any(ord(character) < 0x20 or ord(character) == 0x7F for character in text):
            raise InvalidInput(f"{text!r} has a control character", hint="no service file can hold it", field="path")
