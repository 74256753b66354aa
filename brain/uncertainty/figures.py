"""How good an uncertainty is: calibration error, ranking, correlation. Only arithmetic on arrays."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def calibration_error(chance: Floats, wrong: NDArray[np.bool_] | Floats, bins: int = 15) -> float:
    """The expected calibration error, 0..1: mean distance of said and seen shares over bins of equal width.

    ``wrong`` [n] is a label each, or the share of wrong tokens of an answer each.

    Source: Naeini et al. 2015 (ECE); 15 bins as Guo et al. 2017, arXiv:1706.04599.
    """
    place = np.minimum((np.clip(chance, 0, 1) * bins).astype(int), bins - 1)
    said = np.bincount(place, weights=chance, minlength=bins)
    seen = np.bincount(place, weights=np.asarray(wrong, dtype=np.float64), minlength=bins)
    return float(np.abs(said - seen).sum() / len(chance))


def ranking(score: Floats, wrong: NDArray[np.bool_]) -> float:
    """AUROC: the chance that a wrong token scores above a right one, ties counting half; nan for one kind."""
    right_count, wrong_count = int((~wrong).sum()), int(wrong.sum())
    if not right_count or not wrong_count:
        return float("nan")
    above = ranks(score)[wrong].sum() - wrong_count * (wrong_count + 1) / 2
    return float(above / (right_count * wrong_count))


def correlation(one: Floats, other: Floats) -> float:
    """Spearman's rank correlation, -1..1; nan where one of them never varies."""
    a, b = ranks(one), ranks(other)
    a, b = a - a.mean(), b - b.mean()
    size = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / size if size > 0 else float("nan")


def ranks(values: Floats) -> Floats:
    """Ranks from 1, equal values sharing the mean of theirs."""
    _, group, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return np.asarray((last - (counts - 1) / 2)[group])
