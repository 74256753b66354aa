"""The two rounding rules of the trunk, in torch: INT2 weights and INT8 activations, both straight-through. No packing.

Straight-through: the value is the rounded one, the gradient that of the unrounded one (Bengio et al. 2013,
arXiv:1308.3432). Rounding is half to even.
"""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor

from brain.score.spec import GROUP

SCALE_OF_MEAN: Final = 1.248
"""Scale over mean magnitude at which four levels lose least of a normal law (least squares)."""
SMALLEST_SCALE: Final = 1e-6
SMALLEST_PEAK: Final = 1e-5
LARGEST_CODE: Final = 127.0


def int2_scales(weight: Tensor) -> Tensor:
    """Scales [out, in / 64, 1] float32 of ``weight`` [out, in]: 1.248 times the mean magnitude of a group, detached."""
    groups = weight.detach().float().reshape(weight.shape[0], -1, GROUP)
    return groups.abs().mean(-1, keepdim=True).clamp_min(SMALLEST_SCALE) * SCALE_OF_MEAN


def int2_levels(weight: Tensor, scales: Tensor) -> Tensor:
    """The level -1.5, -0.5, 0.5 or 1.5 nearest to each weight over its scale, [out, in / 64, 64]."""
    groups = weight.reshape(weight.shape[0], -1, GROUP)
    return (groups / scales - 0.5).round().clamp(-2, 1) + 0.5


def int2_weight(weight: Tensor) -> Tensor:
    """``weight`` [out, in] rounded to four levels a group of 64 inputs; its gradient passes unchanged."""
    scales = int2_scales(weight)
    rounded = (int2_levels(weight.detach().float(), scales) * scales).reshape(weight.shape)
    return weight + (rounded.to(weight.dtype) - weight.detach())


def int8_codes(x: Tensor) -> tuple[Tensor, Tensor]:
    """Codes int8 like ``x`` [..., n] and one scale [..., 1] a token: s = max(absmax, 1e-5) / 127, symmetric."""
    values = x.detach().float()
    scale = values.abs().amax(-1, keepdim=True).clamp_min(SMALLEST_PEAK) / LARGEST_CODE
    return (values / scale).round().to(torch.int8), scale


def int8_activation(x: Tensor) -> Tensor:
    """``x`` [..., n] rounded to INT8 a token; its gradient passes unchanged."""
    codes, scale = int8_codes(x)
    return x + ((codes.float() * scale).to(x.dtype) - x.detach())
