"""Isotonic regression: the rising step function nearest to labels, as a few knots. It ranks nothing (see logistic)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from brain.base.errors import InvalidInput

Floats = NDArray[np.float64]


def fit(scores: Floats, labels: NDArray[np.bool_], groups: int = 60, prior: float = 1.0) -> tuple[Floats, Floats]:
    """Knots (x, y), both strictly rising in x and rising in y, of the chance that a label is true at a score.

    Scores [n] are put into at most ``groups`` groups of equal size, then neighbours that fall are pooled until none
    does (pool adjacent violators). ``prior`` labels of the overall mean are added to each group, so that no knot says
    0 or 1 on thin evidence. Raises: InvalidInput for no scores.
    Source: Zadrozny and Elkan 2002; pooling after Barlow et al. 1972.
    """
    if len(scores) == 0:
        raise InvalidInput("there are no scores to fit", field="scores")
    ranked = np.argsort(scores, kind="stable")
    parts = np.array_split(ranked, min(groups, len(scores)))
    mean = float(labels.mean())
    pools: list[tuple[float, float, float]] = []
    for part in parts:
        count = float(len(part))
        pool = (count * float(scores[part].mean()), float(labels[part].sum()) + prior * mean, count)
        while pools and _height(pools[-1], prior) >= _height(pool, prior):
            last = pools.pop()
            pool = (last[0] + pool[0], last[1] + pool[1] - prior * mean, last[2] + pool[2])
        pools.append(pool)
    x = np.array([total / count for total, _, count in pools])
    y = np.array([_height(pool, prior) for pool in pools])
    rises = np.concatenate([[True], np.diff(x) > 1e-9])
    return x[rises], y[rises]


def _height(pool: tuple[float, float, float], prior: float) -> float:
    """The share of true labels of a pool, the prior's among them."""
    _, true, count = pool
    return true / (count + prior)
