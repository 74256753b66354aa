"""The coders of a model folder: its picture decoder and encoder and its vocoder, each opened when first needed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, final

import numpy as np

from brain.backends.body import Floats
from brain.diffusion.coders import Points
from brain.score.folder import score_json

if TYPE_CHECKING:
    from brain.latent.picture import Pictures
    from brain.latent.speech import Speech

SAMPLES_A_FRAME = 256


@final
class FolderCoders:
    """A ``Coders`` over the files of ``folder``. For one thread at a time; a text model never opens anything here.

    All calls raise Unsupported for a model without the part, CorruptData for weights that are broken.
    """

    def __init__(self, folder: Path, threads: int) -> None:
        self._folder = folder
        self._threads = threads
        self._pictures: Pictures | None = None
        self._speech: Speech | None = None

    def picture(self, canvas: Floats) -> Points:
        """The picture [512, 512, 4], straight alpha, of a canvas [256, 32]."""
        from brain.latent.picture import straight

        return np.asarray(straight(self._opened_pictures().pixels(canvas[None])[0]))

    def canvas(self, picture: Points) -> Floats:
        """The canvas [256, 32] of a picture [512, 512, 4] with straight alpha."""
        from brain.latent.picture import premultiplied

        return np.asarray(self._opened_pictures().latents(premultiplied(picture)[None])[0])

    def wave(self, canvas: Floats, frames: int) -> Floats:
        """The first ``frames`` frames of a canvas of sound [n, 320] as samples at 16 kHz."""
        return np.asarray(self._opened_speech().sound(canvas)[: frames * SAMPLES_A_FRAME])

    def _opened_pictures(self) -> Pictures:
        if self._pictures is None:
            from brain.latent.picture import Pictures

            self._pictures = Pictures(self._folder, score_json(self._folder), self._threads)
        return self._pictures

    def _opened_speech(self) -> Speech:
        if self._speech is None:
            from brain.latent.speech import Speech

            self._speech = Speech(self._folder, score_json(self._folder), self._threads)
        return self._speech
