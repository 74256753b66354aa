"""A small network with every kind and coders that can be worked out by hand: what flows to files are tried with."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import final

import numpy as np

from brain.backends.native import NativeBody
from brain.base.messages import CanvasRequest, FlowSettings
from brain.diffusion.coders import Parts
from brain.native.tokenizer import Tokenizer
from brain.score.spec import KindSpec
from tests.models import SMALL, write_model

AUDIO = {
    "frames_a_vector": 4,
    "max_vectors": 24,
    "duration": {"features": ["one", "letters", "words"], "rich": {"coef": [6.0, 2.5, 1.0]}},
}
SPEC = replace(
    SMALL,
    vocabulary=8192,
    kinds={"image": KindSpec(4, 9), "audio": KindSpec(16, 10), "plan": KindSpec(24, 11)},
    raw={"audio": AUDIO},
)
SQUARE = 32


@final
class PlainCoders:
    """A vector of a picture is the colour of its square, from -1 (0) to 1 (255); sound is the vectors themselves."""

    def __init__(self) -> None:
        self.decoded = 0

    def picture(self, canvas):
        self.decoded += 1
        points = np.rint((np.clip(canvas, -1, 1) + 1) / 2 * 255).astype(np.uint8).reshape(16, 16, 4)
        return points.repeat(SQUARE, 0).repeat(SQUARE, 1)

    def canvas(self, picture):
        squares = picture.reshape(16, SQUARE, 16, SQUARE, 4).mean((1, 3))
        return (squares / 255 * 2 - 1).astype(np.float32).reshape(256, 4)

    def wave(self, canvas, frames):
        return np.tanh(canvas).astype(np.float32).reshape(-1)[: frames * 4]


def parts_in(folder: Path) -> Parts:
    """A model folder of random weights, opened, with plain coders."""
    made = write_model(folder, SPEC)
    return Parts(NativeBody.open(made, 1), Tokenizer.open(made / "tokenizer.json"), PlainCoders())


def asked(subject, watch=0, **flow):
    """A request for ``subject`` in four steps unless it says otherwise."""
    settings = FlowSettings(**({"steps": 4} | flow))
    return CanvasRequest(request_id="a", subject=subject, flow=settings, watch=watch)
