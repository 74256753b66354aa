"""Fills a torch score network from a model folder. It writes nothing and trains nothing."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from brain.base.errors import CorruptData
from brain.native.quant import dequantise
from brain.native.weights import Weights
from brain.score.folder import WEIGHTS, read_spec
from brain.score.spec import PLAIN, ScoreSpec, TensorSpec
from brain.score.torch.network import ScoreNetwork

Matrices = Mapping[str, NDArray[np.float32]]


def from_folder(folder: Path, *, activations: bool = False) -> ScoreNetwork:
    """The network of a model folder, float32, its weights as they were rounded; ready to be called, not to be trained.

    ``activations`` rounds to INT8 at the four points, as the product does. Memory: four bytes a parameter.
    Raises: NotFound, CorruptData (a tensor that is missing, or has another shape or scheme), StorageFailed.
    """
    spec = read_spec(folder)
    return from_tensors(spec, tensors_of(Weights.open(folder / WEIGHTS), spec), activations=activations)


def from_tensors(spec: ScoreSpec, tensors: Matrices, *, activations: bool = False) -> ScoreNetwork:
    """A network whose parameters are copies of ``tensors``, one for each name of ``spec.tensors``; else CorruptData."""
    network = ScoreNetwork(spec, activations=activations)
    state = {}
    for tensor in spec.tensors():
        found = tensors.get(tensor.name)
        if found is None or found.shape != tensor.shape:
            what = "is missing" if found is None else f"has shape {found.shape}, not {tensor.shape}"
            raise CorruptData(f"tensor {tensor.name} {what}", hint="the weights and score.json do not belong together")
        state[tensor.name] = torch.tensor(found, dtype=torch.float32)
    network.load_state_dict(state)
    return network.eval().requires_grad_(False)


def tensors_of(weights: Weights, spec: ScoreSpec) -> dict[str, NDArray[np.float32]]:
    """Every tensor of ``spec`` as float32, unpacked from an open file. Raises CorruptData where the file disagrees."""
    return {tensor.name: _unpacked(weights, tensor) for tensor in spec.tensors()}


def _unpacked(weights: Weights, tensor: TensorSpec) -> NDArray[np.float32]:
    """One tensor of a file, float32, in its true shape."""
    if tensor.name not in weights:
        raise CorruptData(f"the weights have no tensor {tensor.name}")
    info = weights.info(tensor.name)
    if (tuple(info.shape), info.scheme) != (tensor.shape, tensor.scheme):
        found, want = f"{tuple(info.shape)} {info.scheme}", f"{tensor.shape} {tensor.scheme}"
        raise CorruptData(f"tensor {tensor.name} is {found}; score.json wants {want}")
    packed: NDArray[Any] = weights.packed(tensor.name)
    if tensor.scheme == PLAIN:
        return packed.astype(np.float32)
    rows, columns = tensor.shape
    return dequantise(packed.view(np.uint8), weights.scales(tensor.name), rows, columns, tensor.scheme)
