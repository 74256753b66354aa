"""``aios generate`` and ``aios infill``: one request, one stream, one view."""

from __future__ import annotations

import argparse
import os
import sys
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from brain.base.errors import InvalidInput, NotFound, StorageFailed
from brain.base.messages import EVERYDAY, Accepted, Hole, PartialState, Request, Response, Settings
from brain.cli.connection import connected
from brain.cli.view import View, view
from brain.client.client import Client


def generate(words: argparse.Namespace) -> int:
    """Go on with a prompt; ``-`` reads it from standard input."""
    prompt = sys.stdin.read() if words.prompt == "-" else words.prompt
    request = Request(
        request_id=uuid.uuid4().hex,
        prompt=prompt,
        modality=words.modality,
        model=words.model,
        memories=words.memories,
        deadline_s=words.deadline,
        settings=decoding(words),
    )
    shown = view(sys.stdout, sys.stderr, prompt, as_json=words.json, environ=os.environ)
    with connected() as client:
        stream(client, request, shown)
    return 0


def infill(words: argparse.Namespace) -> int:
    """Fill a hole; on a terminal the text before it is shown, on a pipe only what was filled in."""
    before, after = sides(words)
    request = Request(
        request_id=uuid.uuid4().hex,
        hole=Hole(before=before, after=after, tokens=words.tokens),
        modality=words.modality,
        model=words.model,
        deadline_s=words.deadline,
        settings=decoding(words),
    )
    shown = view(sys.stdout, sys.stderr, before, as_json=words.json, environ=os.environ)
    with connected() as client:
        stream(client, request, shown)
    return 0


def stream(client: Client, request: Request, shown: View) -> Response:
    """Run a request and show it; the call is cancelled when this is left by an error or Ctrl-C."""
    events: Iterator[Accepted | PartialState | Response] = client.generate(request)
    try:
        for event in events:
            match event:
                case Accepted():
                    shown.accepted(event)
                case PartialState():
                    shown.partial(event)
                case Response():
                    shown.final(event)
                    return event
    finally:
        shown.close()
    raise InvalidInput("the stream ended without a result", hint="look into the daemon's log")


def decoding(words: argparse.Namespace) -> Settings:
    """The settings that the words name; what they leave out stays as it is."""
    named = {
        "way": words.way,
        "block": words.block,
        "steps": words.steps,
        "order": words.order,
        "entropy_bound": words.entropy_bound,
        "temperature": words.temperature,
        "min_p": words.min_p,
        "max_tokens": words.max_tokens,
        "seed": words.seed,
    }
    return replace(EVERYDAY, **{name: value for name, value in named.items() if value is not None})


def sides(words: argparse.Namespace) -> tuple[str, str]:
    """The texts before and after the hole: of FILE and ``--hole FROM:TO``, or of ``--before`` and ``--after``."""
    if words.file is None:
        if words.before is None or words.hole is not None:
            raise InvalidInput("no text with a hole", hint="FILE --hole FROM:TO, or --before TEXT [--after TEXT]")
        return words.before, words.after or ""
    if words.before is not None or words.after is not None:
        raise InvalidInput(
            f"a hole in {words.file} and one between texts", hint="FILE --hole FROM:TO, or --before and --after"
        )
    if words.hole is None:
        raise InvalidInput(f"no hole in {words.file}", hint="name it: --hole FROM:TO, in characters", field="hole")
    text = _text(words.file)
    start, _, end = words.hole.partition(":")
    if not (start.isdecimal() and end.isdecimal() and int(start) <= int(end) <= len(text)):
        hint = f"FROM:TO in characters, FROM <= TO <= {len(text)}"
        raise InvalidInput(f"the hole is {words.hole!r}", hint=hint, field="hole")
    return text[: int(start)], text[int(end) :]


def _text(file: Path) -> str:
    try:
        return file.read_bytes().decode("utf-8")  # as it stands: line ends count as the characters that they are
    except FileNotFoundError as error:
        raise NotFound(f"there is no file {file}", hint="check the name") from error
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{file} is not UTF-8 at byte {error.start}", hint="convert it first") from error
    except OSError as error:
        raise StorageFailed(f"{file}: {error.strerror}", errno=error.errno, filename=str(file)) from error
