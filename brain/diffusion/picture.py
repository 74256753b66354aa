"""From a picture that is asked for to its PNG: caption, source and mask, flow, decoding. It knows no queue."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, final

import numpy as np
from numpy.typing import NDArray

from brain.backends.body import CancelToken
from brain.base.errors import CorruptData, InternalError, InvalidInput, Unsupported
from brain.base.messages import CanvasRequest, CanvasResponse, CanvasState, Picture, Timings
from brain.diffusion.caption import picture_caption
from brain.diffusion.coders import Parts, Points
from brain.diffusion.flow import PREFIX_PASSES, CanvasPlan, blank, flown
from brain.latent import png
from brain.sampling.continuous.contract import FlowState

SIDE: Final = 512
"""Points of a picture's side."""
GRID: Final = 16
"""Vectors of its side; each stands for a square of 32 x 32 points."""
PREVIEW_STRIDE: Final = 4
"""A preview keeps every fourth point of every fourth row."""
WHITE: Final = 128
"""From this mean of red, green and blue on a mask's point is white."""
UNMEASURED: Final = "How sure the model is of a picture is not measured yet."
STYLES: Final = (
    *("noto", "twemoji", "fluent", "openmoji", "blob", "emojione", "core", "ultimate", "fxemoji", "streamline emoji"),
    *("plump", "plump flat", "cyber", "flat color", "marketeq", "icon park", "kameleon", "kameleon duo"),
    *("fluent color icon", "meteocons"),
)
"""The styles that the shipped model was trained with, the commonest first."""


@final
@dataclass(frozen=True)
class Source:
    """What a picture begins with: its points, its canvas' beginning, and which points stay."""

    plan: CanvasPlan
    points: Points | None
    stays: NDArray[np.bool_] | None


def draw(
    parts: Parts, request: CanvasRequest, picture: Picture, cancel: CancelToken | None
) -> Iterator[CanvasState | CanvasResponse]:
    """Yield a state after every step, then the response with a PNG of 512 x 512 points.

    Points that a mask leaves black are those of the source, to the bit; the others are decoded. Model, brain and times
    of the response are the engine's to fill in.

    Raises: InvalidInput for a caption that is too long, a PNG that is none or of another size, a mask without white;
    Unsupported for a model without pictures; Cancelled, DeadlineExceeded between passes.
    """
    source = _source(parts, picture)
    last: FlowState | None = None
    for state in flown(parts.body, source.plan, request.flow, cancel):
        last = state
        shown = request.watch and state.step % request.watch == 0 and state.step < state.steps
        preview = png.write(parts.coders.picture(state.clean)[::PREVIEW_STRIDE, ::PREVIEW_STRIDE]) if shown else b""
        yield CanvasState(state.step, PREFIX_PASSES + state.passes, state.steps, preview)
    if last is None:
        raise InternalError("a flow ended without a state")
    points = parts.coders.picture(last.x)
    if source.points is not None and source.stays is not None:
        points = np.where(source.stays[..., None], source.points, points)
    yield CanvasResponse(
        request_id=request.request_id,
        kind="image",
        media_type="image/png",
        data=png.write(points),
        passes=PREFIX_PASSES + last.passes,
        seed=request.flow.seed,
        model=parts.body.spec.name,
        brain="",
        timings=Timings(0.0, 0.0, 0.0),
        warning=UNMEASURED if picture.style in {"", *STYLES} else f"{_unknown(picture.style)} {UNMEASURED}",
    )


def open_vectors(mask: Points) -> NDArray[np.bool_]:
    """Which vectors [256] of a canvas are drawn anew: those with a white point anywhere in their square."""
    squares = white(mask).reshape(GRID, SIDE // GRID, GRID, SIDE // GRID)
    return np.asarray(squares.any(axis=(1, 3)).ravel())


def white(mask: Points) -> NDArray[np.bool_]:
    """The points [512, 512] of a mask that are white and not see-through."""
    light = mask[..., :3].astype(np.uint16).sum(axis=-1) >= 3 * WHITE
    return np.asarray(light & (mask[..., 3] >= WHITE))


def _source(parts: Parts, picture: Picture) -> Source:
    """The flow's plan, and what is kept of the source."""
    caption = picture_caption(picture.caption, picture.style, parts.body.spec, parts.vocabulary)
    channels = parts.body.spec.kinds["image"].channels
    if not picture.source:
        return Source(CanvasPlan("image", caption, *blank(GRID * GRID, channels)), None, None)
    points = _read("source", picture.source)
    known, fixed = parts.coders.canvas(points), np.zeros(GRID * GRID, np.bool_)
    stays = None
    if picture.mask:
        mask = _read("mask", picture.mask)
        fixed, stays = ~open_vectors(mask), ~white(mask)
        if fixed.all():
            raise InvalidInput("the mask has no white point", hint="paint white what is drawn anew", field="mask")
    return Source(CanvasPlan("image", caption, known, fixed, picture.strength), points, stays)


def _read(field: str, data: bytes) -> Points:
    try:
        points = png.read(data)
    except (CorruptData, Unsupported) as error:
        raise InvalidInput(f"{field} cannot be read: {error.message}", hint=error.hint, field=field) from error
    if points.shape != (SIDE, SIDE, 4):
        height, width = points.shape[:2]
        hint = f"exactly {SIDE} x {SIDE}: scale it first"
        raise InvalidInput(f"{field} has {width} x {height} points", hint=hint, field=field)
    return points


def _unknown(style: str) -> str:
    return f"The shipped model was not trained with the style {style[:40]!r}; it knows {', '.join(STYLES)}."
