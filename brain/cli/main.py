"""The door of ``aios``: reads the words, runs the command, turns errors into a message and an exit code."""

from __future__ import annotations

import importlib
import io
import os
import sys
from collections.abc import Sequence

from brain.base.errors import AiosError, Cancelled, StorageFailed, row_of
from brain.cli import arguments


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code, that of the table in ``brain/base/errors.py``.

    A closed pipe ends the command quietly with 0: the reader had enough. Ctrl-C ends it as Cancelled.
    """
    _open_streams()
    parser = arguments.parser()
    words, rest = parser.parse_known_args(argv)
    if rest and not words.passes_on:
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    words.rest = tuple(rest)
    try:
        command = importlib.import_module(f"brain.cli.{words.room}")
        code = int(getattr(command, words.function)(words))
        sys.stdout.flush()
    except AiosError as error:
        return _refused(error, as_json=getattr(words, "json", False))
    except KeyboardInterrupt:
        return _refused(Cancelled("cancelled"), as_json=getattr(words, "json", False))
    except BrokenPipeError:
        # Python would complain about the same pipe once more when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        where = f"{error.filename}: " if error.filename else "the output cannot be written: "
        return _refused(StorageFailed(f"{where}{error.strerror}"), as_json=False)
    return code


def _open_streams() -> None:
    # A closed stream is None in Python, and one that cannot spell a letter would end the command in the middle.
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123  (lives as long as the process)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def _refused(error: AiosError, *, as_json: bool) -> int:
    row = row_of(error)
    if as_json:
        import json

        told = {"code": error.code, "message": error.message, "hint": error.hint, "exit": row.exit_code}
        print(json.dumps({"error": told}), flush=True)
    hint = f"\nhint: {error.hint}" if error.hint else ""
    print(f"aios: {error.message}{hint}", file=sys.stderr)
    return row.exit_code


if __name__ == "__main__":
    sys.exit(main())
