"""Draws ``docs/pictures/pictures.png``: eight captions with the shipped model at its defaults, seed 0, none chosen.

    python docs/pictures/sheet.py

All points are the product's own; each picture is shown at a quarter of its size, on white.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np

import brain
from brain.backends.native import NativeBody
from brain.base.messages import PICTURE_FLOW, CanvasRequest, CanvasResponse, Picture
from brain.diffusion.canvas import generate
from brain.diffusion.coders import Parts
from brain.diffusion.folder import FolderCoders
from brain.latent import png
from brain.native.tokenizer import Tokenizer

CAPTIONS: Final = (
    *(
        ("red apple, fruit", "noto"),
        ("blue heart", "noto"),
        ("house, building", "fluent"),
        ("cat face, animal", "noto"),
    ),
    *(
        ("green tree", "twemoji"),
        ("yellow banana, fruit", "noto"),
        ("add circle", "plump"),
        ("cloud, rain", "meteocons"),
    ),
)
QUARTER: Final = 4


def on_white(points: np.ndarray) -> np.ndarray:
    """A picture of a quarter of the size, see-through points white."""
    small = points[::QUARTER, ::QUARTER].astype(np.float64)
    share = small[..., 3:] / 255
    shown = np.full_like(small, 255)
    shown[..., :3] = small[..., :3] * share + 255 * (1 - share)
    return np.rint(shown).astype(np.uint8)


def main() -> None:
    """Draw them, four in a row."""
    folder = Path(brain.__file__).parent / "pretrained" / "base"
    body, tokenizer = NativeBody.open(folder, 2), Tokenizer.open(folder / "tokenizer.json")
    parts = Parts(body, tokenizer, FolderCoders(folder, 2))
    drawn = []
    for caption, style in CAPTIONS:
        request = CanvasRequest(request_id="a", subject=Picture(caption=caption, style=style), flow=PICTURE_FLOW)
        *_, last = generate(parts, request, None)
        assert isinstance(last, CanvasResponse)
        drawn.append(on_white(png.read(last.data)))
    rows = [np.concatenate(drawn[start : start + 4], axis=1) for start in (0, 4)]
    (Path(__file__).parent / "pictures.png").write_bytes(png.write(np.concatenate(rows)))


if __name__ == "__main__":
    main()
