"""Measures a network on held-out windows: next token, any-order bounds, infilling, and the control. Never trains."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, final

import numpy as np
import torch
from numpy.typing import NDArray

from brain.base.seeds import derive
from brain.training.data.tokens import TokenStream
from brain.training.losses.maskings import fill_prefixes
from brain.training.step import Objectives

WINDOWS: Final = 32
"""Held-out windows that are measured on, at most."""


@final
@dataclass(frozen=True)
class Figures:
    """Held-out figures, in nats a token where nothing else is said.

    ``unigram`` is the control: the loss of always guessing by the tokens' shares in the training text (each count
    plus one). ``bounds`` are upper bounds, by block size: the first token of a block scored as the next token, the
    others by the any-order bound. ``fill`` is nats a masked token.
    """

    tokens: int
    bytes: int
    unigram: float
    next_token: float
    bits_per_byte: float
    bounds: dict[int, float]
    fill: float


@torch.no_grad()
def measure(
    objectives: Objectives, windows: NDArray[np.int64], training: TokenStream, lengths: NDArray[np.int64]
) -> Figures:
    """Measure on ``windows`` [n, L + 1], n > 0; ``lengths`` are the bytes each token stands for, [vocabulary].

    The scored tokens are all but the first of each window. Masks come from a fixed seed, so figures of one run can
    be compared. Cost: one forward pass over the windows for each block size and each prefix.
    """
    plan = objectives.plan
    random = np.random.Generator(np.random.PCG64(derive(0, "held out")))
    following: list[float] = []
    bounds: dict[int, float] = {}
    for block in plan.recipe.blocks:
        pairs = [_numbers(objectives.pair(part, block, random)) for part in _parts(windows, plan.recipe.pairs)]
        sizes = [len(part) for part in _parts(windows, plan.recipe.pairs)]
        ahead, masked = (float(np.average([pair[i] for pair in pairs], weights=sizes)) for i in (0, 1))
        following.append(ahead)
        bounds[block] = (ahead + (block - 1) * masked) / block
    holes = [
        (part[:, :-1], p) for p in fill_prefixes(plan.recipe.window) for part in _parts(windows, plan.recipe.fills)
    ]
    fill = np.average(
        [float(objectives.fill(texts, prefix, random)) for texts, prefix in holes], weights=[len(of) for of, _ in holes]
    )
    scored = windows[:, 1:]
    weight = int(lengths[scored].sum())
    bits = following[0] * scored.size / math.log(2) / max(weight, 1)
    unigram = _unigram(scored, training, objectives.network.spec.vocabulary)
    return Figures(int(scored.size), weight, unigram, following[0], bits, bounds, float(fill))


def _parts(windows: NDArray[np.int64], size: int) -> list[NDArray[np.int64]]:
    return [windows[start : start + size] for start in range(0, len(windows), size)]


def _numbers(losses: tuple[torch.Tensor, torch.Tensor]) -> tuple[float, float]:
    return float(losses[0]), float(losses[1])


def _unigram(scored: NDArray[np.int64], training: TokenStream, vocabulary: int) -> float:
    counts = np.bincount(training, minlength=vocabulary) + 1.0
    return float(-np.log(counts / counts.sum())[scored].mean())
