"""Logistic regression by Newton's method: weights of features for a label. It bends nothing (see isotonic)."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from brain.base.errors import InvalidInput

_STEPS: Final = 50
_ENOUGH: Final = 1e-8

Floats = NDArray[np.float64]


def fit(features: Floats, labels: NDArray[np.bool_], ridge: float = 1e-3) -> tuple[Floats, float]:
    """The weights [k] and bias that make ``labels`` [n] likeliest given ``features`` [n, k], with a ridge a sample.

    Features are standardised inside and the weights given back for the raw ones, so units do not matter; a feature
    that never varies has weight 0. Cost: at most 50 solves of k + 1 unknowns. Raises: InvalidInput when all labels
    are equal or there are none. Source: iteratively reweighted least squares (McCullagh and Nelder 1989).
    """
    if len(labels) == 0 or labels.all() or not labels.any():
        raise InvalidInput(f"{len(labels)} labels of one kind teach nothing", hint="give more text", field="labels")
    mean, spread = features.mean(axis=0), features.std(axis=0)
    varies = spread > 1e-9
    scaled = np.where(varies, (features - mean) / np.where(varies, spread, 1.0), 0.0)
    design = np.concatenate([scaled, np.ones((len(labels), 1))], axis=1)
    weights = _newton(design, labels.astype(np.float64), ridge)
    raw = np.where(varies, weights[:-1] / np.where(varies, spread, 1.0), 0.0)
    return raw, float(weights[-1] - raw @ mean)


def _newton(design: Floats, labels: Floats, ridge: float) -> Floats:
    """The minimum of the mean log-loss with a ridge on all but the last weight; steps are halved while they hurt."""
    penalty = np.full(design.shape[1], ridge)
    penalty[-1] = 1e-12
    weights = np.zeros(design.shape[1])
    loss = _loss(design, labels, weights, penalty)
    for _ in range(_STEPS):
        chance = 1.0 / (1.0 + np.exp(-np.clip(design @ weights, -40, 40)))
        slope = design.T @ (chance - labels) / len(labels) + penalty * weights
        curve = (design * (chance * (1 - chance) + 1e-9)[:, None]).T @ design / len(labels) + np.diag(penalty)
        step = np.linalg.solve(curve, slope)
        while (new := _loss(design, labels, weights - step, penalty)) > loss and np.abs(step).max() > _ENOUGH:
            step /= 2
        weights, gained, loss = weights - step, loss - new, new
        if gained < _ENOUGH:
            break
    return weights


def _loss(design: Floats, labels: Floats, weights: Floats, penalty: Floats) -> float:
    """Mean log-loss and ridge."""
    score = design @ weights
    return float(np.mean(np.logaddexp(0, score) - labels * score) + 0.5 * penalty @ weights**2)
