"""Muon: momentum whose direction is made orthogonal, for matrices only. It knows no schedule."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final, final

import torch
from torch import Tensor

COEFFICIENTS: Final = (3.4445, -4.7750, 2.0315)
"""Of the quintic iteration; they raise small singular values fast and leave all in about .7 … 1.2."""
MOMENTUM: Final = 0.95
ROUNDS: Final = 5
RMS_OF_ADAM: Final = 0.2
"""Root mean square of a typical AdamW update, which the update is scaled to."""
SMALLEST_NORM: Final = 1e-7


def orthogonal(matrices: Tensor, dtype: torch.dtype) -> Tensor:
    """About U Vᵀ of each matrix' singular value decomposition U S Vᵀ; [n, rows, columns], computed in ``dtype``.

    Source: Jordan et al. 2024, "Muon: an optimizer for hidden layers" (Newton-Schulz iteration, quintic).
    """
    tall = matrices.shape[-2] > matrices.shape[-1]
    x = matrices.to(dtype)
    x = x.mT if tall else x
    x = x / x.norm(dim=(-2, -1), keepdim=True).clamp_min(SMALLEST_NORM)
    a, b, c = COEFFICIENTS
    for _ in range(ROUNDS):
        square = x @ x.mT
        x = a * x + (b * square + c * square @ square) @ x
    nearest: Tensor = x.mT if tall else x
    return nearest


@final
class Muon:
    """Nesterov momentum .95, made orthogonal, scaled to AdamW's root mean square, with decoupled weight decay.

    Matrices of one shape are stepped together. State is one momentum a matrix, float32; ``dtype`` is the arithmetic of
    the orthogonal direction, for which bfloat16 is enough.
    Source of the scale, .2 sqrt(max(rows, columns)): Liu et al. 2025, arXiv:2502.16982.
    """

    def __init__(self, matrices: Mapping[str, Tensor], rate: float, weight_decay: float, dtype: torch.dtype) -> None:
        self._matrices = dict(matrices)
        self._rate, self._decay, self._dtype = rate, weight_decay, dtype
        self._moments = {name: torch.zeros_like(matrix) for name, matrix in matrices.items()}

    @torch.no_grad()
    def step(self, factor: float) -> None:
        """Move every matrix along its gradient, at ``factor`` times the full rate; one without a gradient stays."""
        rate = self._rate * factor
        shapes: dict[torch.Size, list[str]] = {}
        for name, matrix in self._matrices.items():
            if matrix.grad is not None:
                shapes.setdefault(matrix.shape, []).append(name)
        for shape, names in shapes.items():
            updates = orthogonal(torch.stack([self._looked_ahead(name) for name in names]), self._dtype)
            scale = -rate * RMS_OF_ADAM * math.sqrt(max(shape))
            for name, update in zip(names, updates, strict=True):
                self._matrices[name].mul_(1 - rate * self._decay).add_(update.float(), alpha=scale)

    def _looked_ahead(self, name: str) -> Tensor:
        gradient = self._matrices[name].grad
        assert gradient is not None
        moment = self._moments[name].lerp_(gradient, 1 - MOMENTUM)
        return gradient.lerp(moment, MOMENTUM)

    def state(self) -> dict[str, Tensor]:
        """The momenta by name; the tensors themselves, not copies."""
        return self._moments

    def load(self, state: Mapping[str, Tensor]) -> None:
        """Take momenta that ``state`` gave. Raises KeyError when one is missing, RuntimeError for another shape."""
        for name, moment in self._moments.items():
            moment.copy_(state[name])
