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


def orthogonal(matrix: Tensor, dtype: torch.dtype) -> Tensor:
    """About U Vᵀ of the singular value decomposition U S Vᵀ of ``matrix`` [rows, columns], computed in ``dtype``.

    Source: Jordan et al. 2024, "Muon: an optimizer for hidden layers" (Newton-Schulz iteration, quintic).
    """
    tall = matrix.shape[0] > matrix.shape[1]
    x = (matrix.mT if tall else matrix).to(dtype)
    x = x / x.norm().clamp_min(SMALLEST_NORM)
    a, b, c = COEFFICIENTS
    for _ in range(ROUNDS):
        square = x @ x.mT
        x = torch.addmm(x, torch.addmm(square, square, square, beta=b, alpha=c), x, beta=a)
    return x.mT if tall else x


@final
class Muon:
    """Nesterov momentum .95, made orthogonal, scaled to AdamW's root mean square, with decoupled weight decay.

    State is one momentum a matrix, float32; ``dtype`` is the arithmetic of the direction, for which bfloat16 is enough.
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
        for name, matrix in self._matrices.items():
            if matrix.grad is not None:
                update = orthogonal(self._looked_ahead(matrix.grad, self._moments[name]), self._dtype)
                scale = RMS_OF_ADAM * math.sqrt(max(matrix.shape))
                matrix.mul_(1 - rate * self._decay).add_(update.float(), alpha=-rate * scale)

    @staticmethod
    def _looked_ahead(gradient: Tensor, moment: Tensor) -> Tensor:
        """The gradient a step of momentum on; ``moment`` takes the gradient in."""
        return gradient.lerp(moment.lerp_(gradient, 1 - MOMENTUM), MOMENTUM)

    def state(self) -> dict[str, Tensor]:
        """The momenta by name; the tensors themselves, not copies."""
        return self._moments

    def load(self, state: Mapping[str, Tensor]) -> None:
        """Take momenta that ``state`` gave. Raises KeyError when one is missing, RuntimeError for another shape."""
        for name, moment in self._moments.items():
            moment.copy_(state[name])
