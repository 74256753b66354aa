"""Pictures: latents of the score network to pixels and back, premultiplied to straight alpha. It draws nothing."""

from __future__ import annotations

from pathlib import Path
from typing import final

import numpy as np
from numpy.typing import NDArray

from brain.base.errors import InvalidInput, Unsupported
from brain.latent import png
from brain.latent.spec import ENCODER_FILE, PictureSpec
from brain.native.cancel import CancelToken
from brain.native.forward import PictureDecoder, PictureEncoder

Pixels = NDArray[np.uint8]
Latents = NDArray[np.float32]


def straight(premultiplied: Pixels) -> Pixels:
    """Straight RGBA [..., 4] of premultiplied: colour = 255 rgb / alpha, rounded; black where alpha is 0.

    Raises: InvalidInput for another dtype or shape, and where a colour is above its alpha.
    """
    colours, alpha = _parts(premultiplied)
    if (colours > alpha).any():
        raise InvalidInput("a colour is above its alpha: the pixels are not premultiplied", field="premultiplied")
    whole = np.maximum(alpha, 1)
    return _joined((510 * colours + whole) // (2 * whole), premultiplied)


def premultiplied(pixels: Pixels) -> Pixels:
    """Premultiplied RGBA [..., 4] of straight: rgb alpha / 255, rounded; what a PNG holds, for the encoder."""
    colours, alpha = _parts(pixels)
    return _joined((2 * colours * alpha + 255) // 510, pixels)


def _parts(pixels: Pixels) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    """Colours [..., 3] and alpha [..., 1]."""
    if pixels.dtype != np.uint8 or pixels.ndim < 1 or pixels.shape[-1] != 4:
        raise InvalidInput(f"pixels are {pixels.dtype} {pixels.shape}, not uint8 [..., 4]", field="pixels")
    wide = pixels.astype(np.uint32)
    return wide[..., :3], wide[..., 3:]


def _joined(colours: NDArray[np.uint32], pixels: Pixels) -> Pixels:
    """New colours with the alpha of ``pixels``."""
    out = pixels.copy()
    out[..., :3] = colours
    return out


@final
class Pictures:
    """The picture decoder of a model folder, and its encoder once it is asked for.

    Law: a picture depends on its own latents alone. Bytes are mapped, and cost memory when they are first used.
    """

    def __init__(self, folder: Path, score_json: str, threads: int) -> None:
        """Open the decoder on ``threads`` threads. Raises: Unsupported (no pictures in it), NotFound, CorruptData."""
        self.spec = PictureSpec.from_json(score_json)
        self._folder = folder
        self._score_json = score_json
        self._threads = threads
        self._decoder = PictureDecoder.open(folder / "weights.arrow", score_json, threads)
        self._encoder: PictureEncoder | None = None

    def pixels(self, latents: Latents, cancel: CancelToken | None = None) -> Pixels:
        """Premultiplied RGBA [n, side, side, 4] of latents [n, tokens, latent] float32, mean 0 and deviation 1.

        Cost: some 40 ms a picture on two cores. Raises: InvalidInput (shape, not finite), Cancelled, DeadlineExceeded.
        """
        return self._decoder.decode(latents, cancel=cancel)

    def latents(self, pixels: Pixels, cancel: CancelToken | None = None) -> Latents:
        """Latents [n, tokens, latent] of premultiplied RGBA [n, side, side, 4]: where an inpainting begins.

        Raises: Unsupported for a model without an encoder; InvalidInput for a shape, or colours above their alpha.
        """
        if pixels.ndim == 4 and pixels.dtype == np.uint8 and (pixels[..., :3] > pixels[..., 3:]).any():
            raise InvalidInput("a colour is above its alpha: the pixels are not premultiplied", field="pixels")
        return self._opened().encode(pixels, cancel=cancel)

    def png(self, latent: Latents, cancel: CancelToken | None = None) -> bytes:
        """A PNG file, straight alpha, of one picture's latents [tokens, latent]."""
        return png.write(straight(self.pixels(latent[None], cancel)[0]))

    def _opened(self) -> PictureEncoder:
        """The encoder, opened once."""
        if self._encoder is None:
            path = self._folder / ENCODER_FILE
            if not path.is_file():
                hint = "import the model again from a folder that has image.encoder.safetensors"
                raise Unsupported(f"{self._folder} has no {ENCODER_FILE}: this model cannot read pictures", hint=hint)
            self._encoder = PictureEncoder.open(path, self._score_json, self._threads)
        return self._encoder
