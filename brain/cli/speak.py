"""``aios say``: a text to a WAV file, sentence by sentence."""

from __future__ import annotations

import argparse
import sys
import uuid

from brain.base.messages import SPEECH_FLOW, CanvasRequest, Speech
from brain.cli import making
from brain.cli.connection import connected


def speak(words: argparse.Namespace) -> int:
    """Say a text; ``-`` reads it from standard input."""
    making.check_target(words.out, as_json=words.json)
    text = sys.stdin.read() if words.text == "-" else words.text
    request = CanvasRequest(
        request_id=uuid.uuid4().hex,
        subject=Speech(text),
        model=words.model,
        deadline_s=words.deadline,
        flow=making.flow_of(words, SPEECH_FLOW),
    )
    with connected() as client:
        response, _ = making.made(client, request, words)
    making.write(words.out, response.data)
    making.finish(response, words, file=words.out)
    return 0
