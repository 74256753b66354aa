"""Sizes of the decoders, and the name and shape of each of their tensors: the one place. It opens no files."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, final

from brain.base.errors import CorruptData, Unsupported

DECODER: Final = "picture.decoder."
ENCODER: Final = "picture.encoder."
VOCODER: Final = "vocoder."
ENCODER_FILE: Final = "encoder.arrow"
"""The picture encoder lies in this file, beside ``weights.arrow``, which has the decoders."""

MELS: Final = 80
BINS: Final = 513
AROUND: Final = 5
"""Frames that enter the vocoder together."""
TAPS: Final = 7
"""Taps of the vocoder's depthwise correlation."""


@final
@dataclass(frozen=True)
class Tensor:
    """One tensor: its name in the file, its shape ([out, in] for a matrix) and how it is stored."""

    name: str
    shape: tuple[int, ...]
    scheme: str
    """"int8.row", or "f32" or "f16" for plain numbers."""


@final
@dataclass(frozen=True)
class Tower:
    """The sizes of one stack of blocks; ``head`` is the inner width of a gated output, 0 where there is none."""

    width: int
    depth: int
    inner: int
    head: int


@final
@dataclass(frozen=True)
class PictureSpec:
    """The picture autoencoder. Units: pixels for ``side`` and ``patch``; mean and deviation [latent] of its latents."""

    side: int
    patch: int
    latent: int
    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    decoder: Tower
    encoder: Tower
    rope_base: float
    epsilon: float

    @classmethod
    def from_json(cls, text: str) -> PictureSpec:
        """The part ``image`` of a ``score.json``. Raises: Unsupported where there is none, CorruptData."""
        image = _part(text, "image")
        try:
            config = image["config"]
            return cls(
                side=int(config["res"]),
                patch=int(config["patch"]),
                latent=int(config["latent"]),
                mean=tuple(float(x) for x in image["latent_mean"]),
                deviation=tuple(float(x) for x in image["latent_std"]),
                decoder=Tower(config["dec_dim"], config["dec_depth"], config["dec_ffn"], config["head_ffn"]),
                encoder=Tower(config["enc_dim"], config["enc_depth"], config["enc_ffn"], 0),
                rope_base=float(config["rope_base"]),
                epsilon=float(config["eps"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise CorruptData(f"score.json: the part image does not say its sizes ({error!r})") from error

    @property
    def grid(self) -> int:
        """Patches on a side."""
        return self.side // self.patch

    @property
    def tokens(self) -> int:
        """Latents of a picture."""
        return self.grid * self.grid

    @property
    def patch_numbers(self) -> int:
        """Numbers in the pixels of a patch: rows, columns, then red, green, blue, alpha."""
        return self.patch * self.patch * 4

    def decoder_tensors(self) -> tuple[Tensor, ...]:
        """Every tensor of the decoder, in the order of the file."""
        sizes = self.decoder
        enter = Tensor(f"{DECODER}in", (sizes.width, self.latent), "int8.row")
        leave = _gated(f"{DECODER}out.", sizes.width, sizes.head, self.patch_numbers)
        return (enter, *_tower(DECODER, sizes), *leave)

    def encoder_tensors(self) -> tuple[Tensor, ...]:
        """Every tensor of the encoder, in the order of its file."""
        sizes = self.encoder
        enter = Tensor(f"{ENCODER}in", (sizes.width, self.patch_numbers), "int8.row")
        return (enter, *_tower(ENCODER, sizes), Tensor(f"{ENCODER}out", (self.latent, sizes.width), "int8.row"))


@final
@dataclass(frozen=True)
class SpeechSpec:
    """Speech vectors: ``frames`` log-mel frames joined, less ``mean``, over ``deviation``, as ``silence`` is."""

    frames: int
    mean: float
    deviation: float
    silence: float
    rate_hz: int

    @classmethod
    def from_json(cls, text: str) -> SpeechSpec:
        """The part ``audio`` of a ``score.json``. Raises: Unsupported (none, or of other units), CorruptData."""
        audio = _part(text, "audio")
        try:
            spec = cls(
                frames=int(audio["frames_a_vector"]),
                mean=float(audio["mean"]),
                deviation=float(audio["std"]),
                silence=float(audio["silence"]),
                rate_hz=int(audio["sample_rate"]),
            )
            units = (spec.rate_hz, int(audio["n_fft"]), int(audio["hop"]), int(audio["mels"]), int(audio["fmax"]))
        except (KeyError, TypeError, ValueError) as error:
            raise CorruptData(f"score.json: the part audio does not say its units ({error!r})") from error
        if units != (16_000, 1024, 256, MELS, 8000):
            hint = "this build speaks 16 kHz, frames of 1024 each 256 samples, 80 mels up to 8000 Hz"
            raise Unsupported(f"speech in units {units}", hint=hint)
        whole = all(math.isfinite(x) for x in (spec.mean, spec.deviation, spec.silence))
        if not (whole and spec.deviation > 0 and 1 <= spec.frames <= 64):
            raise CorruptData(f"score.json: audio has mean {spec.mean}, std {spec.deviation}, frames {spec.frames}")
        return spec

    @property
    def channels(self) -> int:
        """Numbers in a vector."""
        return self.frames * MELS


def vocoder_tensors(width: int, inner: int, depth: int) -> tuple[Tensor, ...]:
    """Every tensor of a vocoder of these sizes, in the order of the file, all f16."""

    def block(i: int) -> Iterator[tuple[str, tuple[int, ...]]]:
        name = f"blocks.{i}."
        yield from ((f"{name}taps", (TAPS, width)), (f"{name}taps.bias", (width,)))
        yield from ((f"{name}norm.gain", (width,)), (f"{name}norm.bias", (width,)))
        yield from ((f"{name}up", (inner, width)), (f"{name}up.bias", (inner,)))
        yield from ((f"{name}down", (width, inner)), (f"{name}down.bias", (width,)))

    first = [("in", (width, AROUND * MELS)), ("in.bias", (width,))]
    last = [("norm.gain", (width,)), ("norm.bias", (width,)), ("out", (3 * BINS, width)), ("out.bias", (3 * BINS,))]
    shapes = [*first, *(one for i in range(depth) for one in block(i)), *last]
    return tuple(Tensor(VOCODER + name, shape, "f16") for name, shape in shapes)


def _gated(prefix: str, width: int, inner: int, out: int) -> tuple[Tensor, ...]:
    """A gated unit."""
    shapes = {"gate": (inner, width), "up": (inner, width), "down": (out, inner)}
    return tuple(Tensor(prefix + name, shape, "int8.row") for name, shape in shapes.items())


def _tower(prefix: str, sizes: Tower) -> Iterator[Tensor]:
    """The blocks and the norm after them."""
    width = sizes.width
    for i in range(sizes.depth):
        name = f"{prefix}blocks.{i}."
        yield Tensor(f"{name}n1", (width,), "f32")
        yield from (Tensor(name + part, (width, width), "int8.row") for part in ("wq", "wk", "wv", "wo"))
        yield Tensor(f"{name}n2", (width,), "f32")
        yield from _gated(name, width, sizes.inner, width)
    yield Tensor(f"{prefix}norm", (width,), "f32")


def _part(text: str, name: str) -> Mapping[str, Any]:
    """One part of a ``score.json``."""
    try:
        document = json.loads(text)
    except ValueError as error:
        raise CorruptData(f"score.json is no JSON: {error}") from error
    found = document.get(name) if isinstance(document, dict) else None
    if not isinstance(found, dict):
        raise Unsupported(
            f"the model's score.json has no part {name}", hint="use a model that was trained for this kind"
        )
    return found
