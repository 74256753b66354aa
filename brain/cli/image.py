"""``aios image``: a caption, perhaps a source and a mask, to one or more PNG files."""

from __future__ import annotations

import argparse
import uuid
from dataclasses import replace
from pathlib import Path

from brain.base.errors import InvalidInput
from brain.base.messages import PICTURE_FLOW, CanvasRequest, Picture
from brain.cli import making
from brain.cli.connection import connected

FILE_LIMIT_BYTES = 2 << 20
"""No larger file is read; the daemon's own limit is lower and it says so."""


def image(words: argparse.Namespace) -> int:
    """Draw ``--variations`` pictures, each of the next seed."""
    making.check_target(words.out, as_json=words.json)
    names = names_of(words.out, words.variations)
    picture, flow = picture_of(words), making.flow_of(words, PICTURE_FLOW)
    with connected() as client:
        for number, name in enumerate(names):
            request = CanvasRequest(
                request_id=uuid.uuid4().hex,
                subject=picture,
                model=words.model,
                deadline_s=words.deadline,
                flow=replace(flow, seed=flow.seed + number),
            )
            response, _ = making.made(client, request, words)
            making.write(name, response.data)
            making.finish(response, words, file=name)
    return 0


def picture_of(words: argparse.Namespace) -> Picture:
    """The picture that the words ask for, its files read."""
    source = making.read(words.source, FILE_LIMIT_BYTES) if words.source else b""
    mask = making.read(words.mask, FILE_LIMIT_BYTES) if words.mask else b""
    return Picture(caption=words.caption, style=words.style, source=source, mask=mask, strength=words.strength)


def names_of(out: str, count: int) -> list[str]:
    """The files' names: ``out``, then the same with -2, -3 … before its ending."""
    if count < 1 or (count > 1 and out == making.STDOUT):
        raise InvalidInput(f"{count} variations into {out}", hint="at least 1; several need a file's name")
    path = Path(out)
    return [out, *(str(path.with_name(f"{path.stem}-{number}{path.suffix}")) for number in range(2, count + 1))]
