"""``aios service install --print``: shows the file that starts aios at login; installing it is left to the user."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from brain.base import env
from brain.base.errors import Unsupported
from brain.cli.connection import here
from brain.cli.service_files import Program, launch_agent, systemd_unit


def run(words: argparse.Namespace) -> int:
    """Print the LaunchAgent or the systemd unit for this user."""
    if not words.print:
        raise Unsupported(
            "installing the service by itself",
            hint="aios service install --print shows the file; launchd/README.md says where it goes",
        )
    kind = words.kind or ("launchd" if sys.platform == "darwin" else "systemd")
    program = Program(
        executable=executable(),
        home=Path.home(),
        logs=here().logs,
        path=os.environ.get("PATH", os.defpath),
        variables=tuple((name, os.environ[name]) for name in env.PLACES if os.environ.get(name)),
    )
    sys.stdout.write(launch_agent(program).decode() if kind == "launchd" else systemd_unit(program))
    return 0


def executable() -> Path:
    """The ``aiosd`` beside this interpreter: the name that the system shows in its list of login items."""
    return Path(sys.executable).parent / "aiosd"
