"""WAV in and out: 16-bit sound, one channel, over the standard library. No compression, no other depths."""

from __future__ import annotations

import io
import wave
from typing import Final

import numpy as np
from numpy.typing import NDArray

from brain.base.errors import CorruptData, InvalidInput, ResourceExhausted, Unsupported

Wave = NDArray[np.float32]

RATE_HZ: Final = 16_000
MOST_SECONDS: Final = 240
"""The longest sound that is read."""
CROSSINGS: Final = 16
"""Zero crossings of the resampling filter on each side."""
PIECE: Final = 1 << 14
"""Samples that are resampled together, which bounds the memory."""


def write(sound: Wave, rate_hz: int = RATE_HZ) -> bytes:
    """A WAV file of one channel, 16 bits, of ``sound`` [samples] float32; what lies outside of -1 ..= 1 is clipped.

    Raises: InvalidInput for another shape or dtype, numbers that are not finite, or a rate outside of 1,000 .. 384,000.
    """
    if sound.dtype != np.float32 or sound.ndim != 1 or not np.isfinite(sound).all():
        raise InvalidInput(f"sound is {sound.dtype} {sound.shape}, not finite float32 [samples]", field="sound")
    _check_rate(rate_hz)
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(rate_hz)
        out.writeframes(np.rint(np.clip(sound, -1, 1) * 32767).astype("<i2").tobytes())
    return file.getvalue()


def read(file: bytes, rate_hz: int = RATE_HZ) -> Wave:
    """The sound [samples] float32 in -1 ..= 1 of a 16-bit WAV file, at ``rate_hz``; two channels are averaged.

    Raises: CorruptData for what is no WAV file or ends too early, Unsupported (other depths, more channels),
    ResourceExhausted above 240 seconds, InvalidInput for a rate outside of 1,000 .. 384,000.
    """
    _check_rate(rate_hz)
    try:
        with wave.open(io.BytesIO(file), "rb") as found:
            channels, width, rate, count = found.getparams()[:4]
            if width != 2 or channels not in {1, 2}:
                what = f"a WAV file of {8 * width} bits and {channels} channels"
                raise Unsupported(what, hint="save it with 16 bits, one or two channels")
            if not 1000 <= rate <= 384_000:
                raise CorruptData(f"the WAV file claims {rate} samples a second")
            if count > MOST_SECONDS * rate:
                raise ResourceExhausted(f"the WAV file has {count / rate:.0f} s of sound, more than {MOST_SECONDS} s")
            raw = found.readframes(count)
    except (wave.Error, EOFError) as error:
        raise CorruptData(f"the file is no WAV file that can be read: {error or 'it ends too early'}") from error
    if len(raw) != count * channels * 2:
        raise CorruptData(f"the WAV file ends after {len(raw)} of {count * channels * 2} bytes of sound")
    samples = np.frombuffer(raw, "<i2").astype(np.float32).reshape(-1, channels)
    return resampled(samples.mean(axis=1, dtype=np.float32) / np.float32(32768), rate, rate_hz)


def resampled(sound: Wave, from_hz: int, to_hz: int) -> Wave:
    """``sound`` [samples] at another rate: [ceil(samples to / from)].

    A sinc under a Hann window, 16 crossings on each side, cut at the lower of the two Nyquist frequencies; beyond the
    ends is silence. Cost: about 32 multiply-adds a sample, times from / to where that is above 1. f64 inside.
    Source: Smith 1984, "A flexible sampling-rate conversion method" (ICASSP).
    """
    if from_hz == to_hz or not sound.size:
        return sound
    cut = min(1.0, to_hz / from_hz)
    reach = int(np.ceil(CROSSINGS / cut))
    padded = np.concatenate([np.zeros(reach), sound.astype(np.float64), np.zeros(reach + 1)])
    count = -(-sound.size * to_hz // from_hz)
    around = np.arange(-reach, reach + 1)
    pieces = []
    for first in range(0, count, PIECE):
        places = np.arange(first, min(count, first + PIECE)) * (from_hz / to_hz)
        nearest = np.floor(places).astype(np.int64)
        offset = around - (places - nearest)[:, None]
        window = np.where(np.abs(offset) < reach, 0.5 + 0.5 * np.cos(np.pi * offset / reach), 0)
        taken = padded[np.minimum(nearest[:, None] + around + reach, padded.size - 1)]
        pieces.append((taken * np.sinc(cut * offset) * cut * window).sum(axis=1))
    return np.concatenate(pieces).astype(np.float32)


def _check_rate(rate_hz: int) -> None:
    """A rate that sound is kept at."""
    if not 1000 <= rate_hz <= 384_000:
        raise InvalidInput(f"{rate_hz} samples a second are outside of 1,000 .. 384,000", field="rate_hz")
