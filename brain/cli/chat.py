"""``aios chat``: a conversation, turn by turn; what was said before goes with every turn."""

from __future__ import annotations

import argparse
import os
import sys
import uuid

from brain.base.errors import AiosError, Cancelled
from brain.base.messages import Request
from brain.cli.connection import connected
from brain.cli.generate import decoding, stream
from brain.cli.view import view

KEPT_TURNS = 8
"""How many earlier turns (user and assistant together) go with a new one: the model's window is short."""


def chat(words: argparse.Namespace) -> int:
    """Read a turn a line from standard input and answer each; an error ends the turn, not the conversation."""
    asks = sys.stdin.isatty() and not words.json
    turns: list[str] = []
    failed = 0
    with connected() as client:
        while said := _line(asks):
            request = Request(
                request_id=uuid.uuid4().hex,
                prompt=said,
                chat=True,
                turns=tuple(turns[-KEPT_TURNS:]),
                modality=words.modality,
                model=words.model,
                memories=words.memories,
                deadline_s=words.deadline,
                settings=decoding(words),
            )
            shown = view(sys.stdout, sys.stderr, "", as_json=words.json, environ=os.environ)
            try:
                answer = stream(client, request, shown)
            except KeyboardInterrupt:
                failed = _told(Cancelled("this turn was cancelled"))
            except AiosError as error:
                failed = _told(error)
            else:
                turns += [said, answer.text]
                failed = 0
    return failed


def _told(error: AiosError) -> int:
    from brain.base.errors import row_of

    print(f"aios: {error}", file=sys.stderr, flush=True)
    return row_of(error).exit_code


def _line(asks: bool) -> str:
    try:
        return input("> " if asks else "").strip()
    except EOFError:
        return ""
