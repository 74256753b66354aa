"""The daemon's log: one JSON object a line, rotated, mode 0600. What may be written is decided by those who write.

Prompts are never written: services log their hash and length. For the same reason an exception's own words, which may
quote what a user sent, are written at level debug only; its class and the lines it passed through always are.
"""

from __future__ import annotations

import json
import logging
import logging.handlers
import os
import traceback
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, final

FILE_BYTES: Final = 10_000_000
FILES_KEPT: Final = 9
"""Older files that are kept beside the one being written."""

_OWN: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


@final
class JsonLines(logging.Formatter):
    """A record as one JSON object: time (UTC), level, room, event, then the fields given as ``extra``."""

    def format(self, record: logging.LogRecord) -> str:
        """One line, without its end."""
        told: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "room": record.name,
            "event": record.getMessage(),
        }
        told |= {name: value for name, value in vars(record).items() if name not in _OWN}
        if record.exc_info and record.exc_info[1]:
            told["error"] = _told(record.exc_info[1], words=logging.getLogger("aios").isEnabledFor(logging.DEBUG))
        return json.dumps(told, ensure_ascii=True, default=repr)


@final
class _PrivateFile(logging.handlers.RotatingFileHandler):
    """Rotates by size; every file is the user's alone, whatever the umask was."""

    def _open(self):  # type: ignore[no-untyped-def]  # the base class' type is private to logging
        descriptor = os.open(self.baseFilename, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        return os.fdopen(descriptor, self.mode, encoding=self.encoding, errors=self.errors)


def start_log(file: Path, level: str) -> logging.Handler:
    """Write everything of ``level`` and above to ``file``, which rotates at 10 MB; gives the handler to close.

    Only our own rooms ("aios…") write below warnings. Raises OSError when the file cannot be written.
    """
    handler = _PrivateFile(file, maxBytes=FILE_BYTES, backupCount=FILES_KEPT, encoding="utf-8", delay=False)
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.setLevel(logging.WARNING)
    root.addHandler(handler)
    logging.getLogger("aios").setLevel(level.upper())
    return handler


def stop_log(handler: logging.Handler) -> None:
    """Write no more and close the file."""
    logging.getLogger().removeHandler(handler)
    handler.close()


def _told(error: BaseException, *, words: bool) -> dict[str, object]:
    told: dict[str, object] = {"class": type(error).__qualname__, "lines": _lines(error)}
    if words:
        told["words"] = str(error)
    if cause := error.__cause__ or (None if error.__suppress_context__ else error.__context__):
        told["because"] = {"class": type(cause).__qualname__, "lines": _lines(cause)}
    return told


def _lines(error: BaseException) -> list[str]:
    return [
        f"{Path(frame.filename).name}:{frame.lineno} {frame.name}"
        for frame in traceback.extract_tb(error.__traceback__)
    ]
