"""Speech: vectors of the score network to log-mel, to sound, and back. It speaks no words."""

from __future__ import annotations

from pathlib import Path
from typing import final

import numpy as np
from numpy.typing import NDArray

from brain.base.errors import InvalidInput
from brain.latent import wav
from brain.latent.spec import MELS, SpeechSpec
from brain.native.cancel import CancelToken
from brain.native.forward import Vocoder, log_mel

Floats = NDArray[np.float32]


@final
class Speech:
    """The vocoder of a model folder, with the units of its speech vectors. Bits do not depend on threads."""

    def __init__(self, folder: Path, score_json: str, threads: int) -> None:
        """Open the vocoder on ``threads`` threads. Raises: Unsupported (no speech in it), NotFound, CorruptData."""
        self.spec = SpeechSpec.from_json(score_json)
        self._vocoder = Vocoder.open(folder / "weights.arrow", threads)

    def log_mel(self, vectors: Floats) -> Floats:
        """Natural log-mel [frames a vector x n, 80] of vectors [n, channels] float32. Raises: InvalidInput."""
        if vectors.dtype != np.float32 or vectors.ndim != 2 or vectors.shape[1] != self.spec.channels:
            message = f"vectors are {vectors.dtype} {vectors.shape}, not float32 [n, {self.spec.channels}]"
            raise InvalidInput(message, field="vectors")
        return (vectors * self.spec.deviation + self.spec.mean).astype(np.float32).reshape(-1, MELS)

    def vectors(self, log_mels: Floats) -> Floats:
        """Vectors [n, channels] of natural log-mel [frames, 80]; the last one is filled up with silence."""
        if log_mels.dtype != np.float32 or log_mels.ndim != 2 or log_mels.shape[1] != MELS or not len(log_mels):
            raise InvalidInput(
                f"log_mels are {log_mels.dtype} {log_mels.shape}, not float32 [n, {MELS}]", field="log_mels"
            )
        units = (log_mels - self.spec.mean) / self.spec.deviation
        missing = -len(units) % self.spec.frames
        whole = np.pad(units, ((0, missing), (0, 0)), constant_values=self.spec.silence)
        return whole.astype(np.float32).reshape(-1, self.spec.channels)

    def sound(self, vectors: Floats, cancel: CancelToken | None = None) -> Floats:
        """The sound [(frames - 1) 256] at 16 kHz in -1 ..= 1 of vectors [n, channels].

        Cost: some 2 ms a second of sound on two cores.
        Raises: InvalidInput (shape, numbers), Cancelled, DeadlineExceeded.
        """
        return self._vocoder.wave(self.log_mel(vectors), cancel=cancel)

    def heard(self, sound: Floats) -> Floats:
        """Vectors of sound [samples] at 16 kHz, 513 samples or more."""
        return self.vectors(log_mel(sound))

    def wav(self, vectors: Floats, cancel: CancelToken | None = None) -> bytes:
        """A WAV file, 16 bits, 16 kHz, of vectors [n, channels]."""
        return wav.write(self.sound(vectors, cancel), self.spec.rate_hz)
