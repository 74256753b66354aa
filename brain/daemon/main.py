"""The program ``aiosd``: reads its words and settings, guards the door, serves until it is stopped."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from brain.base.clock import SystemClock
from brain.base.errors import AiosError, StorageFailed, row_of
from brain.base.paths import Places, places
from brain.base.settings import DaemonSettings, load
from brain.daemon.lifecycle import PRIVATE, WRITABLE, only_daemon, private_folder
from brain.daemon.logs import start_log, stop_log

if TYPE_CHECKING:
    from brain.daemon.system import Parts

_LOG: Final = logging.getLogger("aios.daemon")


def main(argv: Sequence[str] | None = None, make_parts: Callable[[DaemonSettings], Parts] | None = None) -> int:
    """Serve in the foreground and return the exit code: 0 after a stop, and where another daemon already serves.

    ``make_parts`` exchanges the product's own parts (``system.real_parts``).
    """
    words = _parser().parse_args(argv)
    os.umask(PRIVATE)
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    try:
        here = places(os.environ, sys.platform, Path.home())
        settings = load(here.settings, os.environ, vars(words)).settings
        return _alone(here, settings, make_parts)
    except AiosError as error:
        print(f"aiosd: {error}", file=sys.stderr)
        return row_of(error).exit_code
    except OSError as error:
        print(f"aiosd: {error.filename}: {error.strerror}", file=sys.stderr)
        return row_of(StorageFailed).exit_code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="aiosd", description="The daemon of aios, in the foreground.")
    parser.add_argument("--model", help="the model that is used when none is named")
    parser.add_argument("--backend", help="the body that computes: auto, native or torch")
    parser.add_argument("--threads", type=int, help="threads of the native body; 0 is one a core")
    return parser


def _alone(here: Places, settings: DaemonSettings, make_parts: Callable[[DaemonSettings], Parts] | None) -> int:
    with ExitStack() as stack:
        # Import and training may have made the data folder first, with the user's usual mode; memories lie deeper.
        private_folder(here.data, WRITABLE)
        for folder in (here.run, here.logs, here.memories):
            private_folder(folder)
        # A folder that is there already is judged when it is read: a wrong mode refuses its files, not the daemon.
        with suppress(FileExistsError):
            here.brain.mkdir(mode=0o700)
        holder = stack.enter_context(only_daemon(here.lock))
        if holder is not None:
            print(f"aiosd already runs (process {holder})")
            return 0
        stack.callback(stop_log, start_log(here.log, settings.log_level))
        asyncio.run(_serve(here, settings, make_parts))
    return 0


async def _serve(here: Places, settings: DaemonSettings, make_parts: Callable[[DaemonSettings], Parts] | None) -> None:
    from brain.daemon.system import built, real_parts

    with built(here, settings, SystemClock(), (make_parts or real_parts)(settings)) as system:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, system.stop)
        _LOG.info("started", extra={"pid": os.getpid()})
        await system.serve()
    _LOG.info("stopped", extra={"pid": os.getpid()})


if __name__ == "__main__":
    sys.exit(main())
