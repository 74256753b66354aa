"""The decoders' tensors as torch has them: float32, unpacked from a file of weights. It computes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import torch

from brain.base.errors import CorruptData
from brain.latent.spec import Tensor
from brain.native.quant import dequantise
from brain.native.weights import Weights

Tensors = Mapping[str, torch.Tensor]


def tensors_of(weights: Weights, wanted: Iterable[Tensor]) -> dict[str, torch.Tensor]:
    """Each wanted tensor, float32. Raises: CorruptData for one that is missing or of another shape or scheme."""
    return {tensor.name: _unpacked(weights, tensor) for tensor in wanted}


def _unpacked(weights: Weights, tensor: Tensor) -> torch.Tensor:
    """One tensor in its true shape."""
    if tensor.name not in weights:
        raise CorruptData(f"the weights have no tensor {tensor.name}")
    info = weights.info(tensor.name)
    stored = info.dtype if info.scheme == "plain" else info.scheme
    if (info.shape, stored) != (tensor.shape, tensor.scheme):
        raise CorruptData(f"tensor {tensor.name} is {info.shape} {stored}, not {tensor.shape} {tensor.scheme}")
    packed = weights.packed(tensor.name)
    if info.scheme == "plain":
        return torch.tensor(packed.astype(np.float32))
    rows, columns = tensor.shape
    codes, scales = packed.view(np.uint8), weights.scales(tensor.name)
    return torch.tensor(dequantise(codes, scales, rows, columns, info.scheme))
