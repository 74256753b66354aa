"""How well a network predicts held-out tokens, in nats: next-token, a bound for block diffusion, and infilling.

It measures windows of tokens with any body; files, bytes and tables are ``evaluate.py``'s. The bound is that of
Sahoo et al. 2024 (arXiv:2406.07524) and Arriola et al. 2025 (arXiv:2503.09573) in its any-order form: in each block
k of the places after the anchor are masked, k uniform, and the mean loss over the masked ones counts for every place.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, final

import numpy as np
from numpy.typing import NDArray

from brain.backends.body import Body, Choice, Floats, Prefix, See, TextPass, Tokens
from brain.base.errors import InvalidInput
from brain.base.seeds import derive

BLOCKS: Final = (8, 16, 32)
"""Sizes of a block, anchor included, at which the bound is measured."""
FILL_STARTS: Final = (0.0, 0.125, 0.375, 0.625, 0.875)
"""Where the canvas of an infilling begins, as shares of the window."""
SPAN_SHARE: Final = 0.6
"""Share of infillings with one contiguous hole; the others have random places, as in training."""
SHORTEST_SPAN: Final = 4
SHORTEST_WINDOW: Final = 64
ROWS_A_CALL: Final = 512
"""Rows of canvases that are handed to a body at once: enough to fill the matrices, little memory."""


@final
@dataclass(frozen=True)
class Losses:
    """Mean nats of some windows: a scored token (``next_token``), a token by the bound (``bounds``, a block size each),
    a masked token in infilling (``fill``). ``tokens`` were scored by the next-token pass."""

    tokens: int
    next_token: float
    bounds: tuple[float, ...]
    fill: float


def windows(tokens: Tokens, count: int, length: int) -> Iterator[Tokens]:
    """At most ``count`` windows of ``length`` + 1 tokens, spread evenly over a text; one shorter one if it is short.

    Nothing for a text of fewer than 65 tokens.
    """
    if count < 1 or length < SHORTEST_WINDOW:
        raise InvalidInput(f"{count} windows of {length} tokens", hint=f"at least 1 of {SHORTEST_WINDOW}")
    if len(tokens) <= SHORTEST_WINDOW:
        return
    last = max(len(tokens) - length - 1, 0)
    fitting = min(count, last // length + 1)
    for start in np.linspace(0, last, fitting).astype(np.int64).tolist():
        yield tokens[start : start + length + 1]


def measure(body: Body, parts: Sequence[Tokens], seed: int) -> Losses:
    """All three losses over windows [L + 1] of tokens, each window scored from its own start.

    Chance: masks from ``seed`` and the window's number alone, the same for every body. Cost: one causal pass a window,
    one canvas pass over all of it a block size, and five canvas passes for infilling.
    """
    if not parts:
        raise InvalidInput("there is nothing to measure", hint=f"a text needs more than {SHORTEST_WINDOW} tokens")
    nexts: list[float] = []
    masked = np.zeros((len(parts), len(BLOCKS)))
    fills: list[float] = []
    for number, tokens in enumerate(parts):
        chance = np.random.default_rng(derive(seed, "likelihood", number))
        prefix = body.prefix()
        nexts += _next_token(body, prefix, tokens).tolist()
        masked[number] = [_blocks(body, prefix, tokens, size, chance) for size in BLOCKS]
        fills.append(_fill(body, prefix, tokens, chance))
    anchor = float(np.mean(nexts))
    weights = np.array([len(part) for part in parts], dtype=np.float64)
    means = np.average(masked, axis=0, weights=weights).tolist()
    bounds = tuple((anchor + (size - 1) * mean) / size for size, mean in zip(BLOCKS, means, strict=True))
    return Losses(len(nexts), anchor, bounds, float(np.average(fills, weights=weights)))


def masked_in_blocks(length: int, size: int, chance: np.random.Generator) -> NDArray[np.bool_]:
    """Which of ``length`` places are masked: in each whole block k of the size - 1 after the anchor, k uniform."""
    blocks = length // size
    order = chance.random((blocks, size))
    order[:, 0] = 2.0
    ranks = order.argsort(1).argsort(1)
    return (ranks < chance.integers(1, size, (blocks, 1))).reshape(-1)


def masked_in_hole(length: int, chance: np.random.Generator) -> NDArray[np.bool_]:
    """Which of a canvas' ``length`` places are masked for infilling: a span or random places, never the anchor."""
    free = length - 1
    masked = np.zeros(length, dtype=np.bool_)
    if chance.random() < SPAN_SHARE:
        spread = math.log(max(free / 2 / SHORTEST_SPAN, 1.0))
        span = min(int(SHORTEST_SPAN * math.exp(chance.random() * spread)), free)
        start = 1 + int(chance.random() * (free - span + 1))
        masked[start : start + span] = True
    else:
        masked[1 + chance.permutation(free)[: int(chance.integers(1, free + 1))]] = True
    return masked


def _next_token(body: Body, prefix: Prefix, tokens: Tokens) -> Floats:
    """Nats [L] of each token after the first; ``prefix`` then holds all but the last."""
    asked = TextPass(prefix, tokens[:-1], See.CAUSAL, targets=tokens[1:].astype(np.int64))
    return -body.propose([asked], Choice())[0].target_log_prob


def _canvas(body: Body, prefix: Prefix, tokens: Tokens, start: int, masked: NDArray[np.bool_]) -> TextPass:
    """A canvas over ``tokens`` from ``start`` on, with some places masked and their tokens asked for."""
    before = prefix.fork()
    before.truncate(start)
    clean = tokens[start : start + len(masked)]
    targets = np.full(len(masked), -1, dtype=np.int64)
    targets[:-1] = np.where(masked[1:], clean[1:].astype(np.int64), -1)
    shown = np.where(masked, np.uint32(body.spec.mask), clean).astype(np.uint32)
    return TextPass(before, shown, See.CANVAS, targets=targets)


def _means(body: Body, canvases: Sequence[TextPass]) -> list[float]:
    """Mean nats over the asked tokens of each canvas."""
    each = max(1, ROWS_A_CALL // max(len(canvas.tokens) for canvas in canvases))
    calls = (canvases[i : i + each] for i in range(0, len(canvases), each))
    found = (proposal for call in calls for proposal in body.propose(call, Choice()))
    return [float(-np.nanmean(proposal.target_log_prob)) for proposal in found]


def _blocks(body: Body, prefix: Prefix, tokens: Tokens, size: int, chance: np.random.Generator) -> float:
    """Mean nats a masked token over the whole blocks of a window, every block weighing the same."""
    masked = masked_in_blocks(len(tokens) - 1, size, chance)
    starts = range(0, len(masked), size)
    return float(np.mean(_means(body, [_canvas(body, prefix, tokens, s, masked[s : s + size]) for s in starts])))


def _fill(body: Body, prefix: Prefix, tokens: Tokens, chance: np.random.Generator) -> float:
    """Mean nats a masked token over the infillings of a window."""
    length = len(tokens) - 1
    canvases = []
    for share in FILL_STARTS:
        start = int(share * length)
        canvases.append(_canvas(body, prefix, tokens, start, masked_in_hole(length - start, chance)))
    return float(np.mean(_means(body, canvases)))
