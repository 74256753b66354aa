"""What a flow needs to become a file, and a file to become a canvas: the contract of a model's coders."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, final

import numpy as np
from numpy.typing import NDArray

from brain.backends.body import Body, Floats
from brain.diffusion.prompt import Vocabulary

Points = NDArray[np.uint8]


class Coders(Protocol):
    """Pictures and sound to canvases and back. For one thread at a time; parts are opened when first needed.

    All raise Unsupported where the model has no such part, CorruptData where its weights are broken.
    """

    def picture(self, canvas: Floats) -> Points:
        """The picture [512, 512, 4] (red, green, blue, straight alpha) of a canvas [256, 32]."""

    def canvas(self, picture: Points) -> Floats:
        """The canvas [256, 32] of a picture [512, 512, 4] with straight alpha."""

    def wave(self, canvas: Floats, frames: int) -> Floats:
        """The first ``frames`` frames of a canvas of sound [n, 320] as samples in -1..1, ``SAMPLE_RATE`` a second."""


@final
@dataclass(frozen=True)
class Parts:
    """What a canvas is made with: the network, the tokenizer of its captions, and the model's coders."""

    body: Body
    vocabulary: Vocabulary
    coders: Coders
