"""Runs a version's code and says which of its lines an error comes from, in words for the user. It mends nothing."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping
from typing import Final, final

from brain.base.errors import RejectedByGate

WORDS_LIMIT: Final = 300


@final
class Harm(BaseException):
    """Something that no version may do, in words that need no name of an exception; ``except Exception`` lets it by."""


def attempt(work: Callable[[], object]) -> BaseException | None:
    """Do ``work`` and give what it raised, whatever it was: a file that calls ``exit`` must not end this process."""
    try:
        work()
    except BaseException as error:  # noqa: BLE001  (a stranger's file may raise anything; the caller refuses it by name)
        return error
    return None


def blamed(error: BaseException, paths: Mapping[str, str]) -> str:
    """The error as "sampling/policy.py:12: NameError: …": the innermost line of the files that ``paths`` name."""
    if isinstance(error, RejectedByGate):
        return error.message
    words = f"{type(error).__name__}: {getattr(error, 'message', error)}"[:WORDS_LIMIT].rstrip(": ")
    if isinstance(error, Harm):
        words = str(error)
    lines = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename in paths]
    if isinstance(error, SystemExit):
        words = f"it ends the process (SystemExit {error.code})"
    return f"{paths[lines[-1].filename]}:{lines[-1].lineno}: {words}" if lines else words
