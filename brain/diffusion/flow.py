"""Lets a caption's flow run: prefixes, positions, guidance, grid and sampler put together. It decodes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, final

import numpy as np
from numpy.typing import NDArray

from brain.backends.body import Body, CancelToken, Floats, See, TextPass, Tokens
from brain.base.messages import FlowSettings
from brain.conditioning.guidance import Branch, Guided
from brain.diffusion.caption import empty_caption
from brain.noise.continuous.registry import custom, grid
from brain.sampling.continuous.contract import FlowState, FlowTask
from brain.sampling.continuous.registry import flow
from brain.score import positions

PREFIX_PASSES: Final = 1
"""Passes that a flow takes before its first step: all captions in one."""


@final
@dataclass(frozen=True)
class CanvasPlan:
    """One flow, fixed before its first pass.

    ``caption`` [n] all tokens before the canvas; ``known`` [N, C] and ``fixed`` [N] as in ``FlowTask``; ``begin`` the
    time at which it starts, 1 for noise alone.
    """

    kind: str
    caption: Tokens
    known: Floats
    fixed: NDArray[np.bool_]
    begin: float = 1.0


def flown(body: Body, plan: CanvasPlan, settings: FlowSettings, cancel: CancelToken | None) -> Iterator[FlowState]:
    """The states of a flow under guidance.

    Shapes:  the last state's ``x`` [N, C] is the sample.
    Chance:  ``settings.seed`` alone.
    Cost:    one pass for the captions, then one a call of the score, over two canvases where ``settings.guidance`` is
             neither 0 nor 1.
    Raises:  InvalidInput for unknown names and times that are no grid; what body and cancel token raise.
    """
    sampler = flow(settings.sampler)
    times = (
        custom(settings.times, plan.begin) if settings.times else grid(settings.grid).times(settings.steps, plan.begin)
    )
    branches = _branches(body, plan, settings.guidance, cancel)
    task = FlowTask(times, plan.known, plan.fixed, settings.seed)
    yield from sampler.states(Guided(body, plan.kind, branches, cancel), task, cancel)


def blank(count: int, channels: int) -> tuple[Floats, NDArray[np.bool_]]:
    """``known`` and ``fixed`` of a canvas of which nothing is given."""
    return np.zeros((count, channels), np.float32), np.zeros(count, np.bool_)


def _branches(body: Body, plan: CanvasPlan, guidance: float, cancel: CancelToken | None) -> list[Branch]:
    """The caption's branch and the empty one's, where each has a weight; their prefixes are read in one pass."""
    wanted = [(plan.caption, guidance), (empty_caption(plan.kind, body.spec), 1 - guidance)]
    captions = [(tokens, weight) for tokens, weight in wanted if weight != 0]
    count = len(plan.known)
    passes = []
    for tokens, _ in captions:
        rows, columns = _before(plan.kind, len(tokens), count)
        passes.append(TextPass(body.prefix(), tokens, See.CAUSAL, rows=rows, columns=columns))
    body.hidden(passes, cancel)
    return [
        Branch(one.prefix, *_after(plan.kind, len(one.tokens), count), weight)
        for one, (_, weight) in zip(passes, captions, strict=True)
    ]


def _before(kind: str, tokens: int, count: int) -> positions.Positions:
    """Where a caption's tokens stand: before sound they are spread over it."""
    return positions.audio_caption(tokens, count) if kind == "audio" else positions.text(0, tokens)


def _after(kind: str, tokens: int, count: int) -> positions.Positions:
    """Where the canvas' vectors stand."""
    if kind == "image":
        return positions.image(tokens, round(count**0.5))
    return positions.audio(tokens, count) if kind == "audio" else positions.plan(tokens, count)
