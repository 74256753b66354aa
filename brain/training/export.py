"""Writes a trained network as a model folder, and makes a trainable network of one. The card is ``card.py``'s."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from brain.base.errors import CorruptData
from brain.native.quant import dequantise, int2_from_codes, int2_to_codes, quantise
from brain.native.tokenizer import Tokenizer
from brain.native.weights import Weights, write_weights
from brain.score.folder import SCORE, TOKENIZER, WEIGHTS
from brain.score.spec import GROUP, INT2, INT8, PLAIN, ScoreSpec, TensorSpec
from brain.score.torch.network import ScoreNetwork
from brain.score.torch.quantised import SCALE_OF_MEAN, int2_levels, int2_scales
from brain.training.files import write_text

CARD: Final = "CARD.md"

Stored = tuple[str, tuple[int, ...], str, NDArray[Any], NDArray[np.float16] | None]


def write_model(folder: Path, network: ScoreNetwork, tokenizer: Tokenizer, card: str) -> int:
    """Write tokenizer, spec, card and, last, the weights of a trained network; gives the weights' bytes.

    The trunk's INT2 codes are those that training computed with, scales rounded to float16; the embedding becomes
    INT8 a row, heads float16, gains float32. A folder with ``weights.arrow`` is therefore a whole one.
    Raises: StorageFailed, InvalidInput for numbers that are not finite.
    """
    folder.mkdir(parents=True, exist_ok=True)
    write_text(folder / TOKENIZER, tokenizer.to_json())
    write_text(folder / SCORE, network.spec.to_json())
    write_text(folder / CARD, card)
    metadata = {"name": network.spec.name, "writer": "brain.training"}
    return write_weights(folder / WEIGHTS, list(_stored(network)), metadata)


def codes_of(weight: Tensor) -> tuple[NDArray[np.uint8], NDArray[np.float16]]:
    """INT2 codes [out, in / 4], four a byte, the first lowest, and scales [out, in / 64], as training rounds."""
    scales = int2_scales(weight)
    codes = (int2_levels(weight.detach().float(), scales) + 1.5).to(torch.uint8).reshape(weight.shape[0], -1, 4)
    packed = codes[..., 0] | codes[..., 1] << 2 | codes[..., 2] << 4 | codes[..., 3] << 6
    return packed.cpu().numpy(), scales[..., 0].half().cpu().numpy()


def latents_of(codes: NDArray[np.uint8], scales: NDArray[np.float16]) -> NDArray[np.float32]:
    """Weights [out, in] that round to these codes, and whose rule of scale finds these scales again.

    Levels alone do not: their mean magnitude is another than a trained weight's. So inner levels stay at .5 and outer
    ones take the magnitude that the rule needs; where there is no outer one, the inner do. A group whose codes no
    weights can have under the rule (all of them outer) keeps its levels and finds its scale anew.
    """
    levels = (codes[..., None] >> np.array([0, 2, 4, 6], np.uint8) & 3).astype(np.float32) - 1.5
    groups = levels.reshape(len(codes), -1, GROUP)
    outer = np.abs(groups) > 1
    many = outer.sum(-1, keepdims=True)
    total = GROUP / SCALE_OF_MEAN
    need = (total - 0.5 * (GROUP - many)) / np.maximum(many, 1)
    inner = np.where(
        many == 0, total / GROUP, np.where(need < 1.02, (total - many * 1.02) / np.maximum(GROUP - many, 1), 0.5)
    )
    possible = (inner > 0) & (inner < 1) & (many < GROUP)
    magnitude = np.where(outer, np.maximum(need, 1.02), inner)
    chosen = np.where(possible, np.sign(groups) * magnitude, groups)
    return (chosen * scales.astype(np.float32)[..., None]).reshape(len(codes), -1).astype(np.float32)


@torch.no_grad()
def load_latents(network: ScoreNetwork, folder: Path) -> None:
    """Fill a network from a model folder of the same spec, to train on from there.

    An INT2 trunk computes as the folder's does before the first step (float16 scales apart); the float detail that
    its training had is not in the folder. Raises CorruptData for a missing or misshapen tensor, StorageFailed.
    """
    weights = Weights.open(folder / WEIGHTS)
    parameters = dict(network.named_parameters())
    for tensor in network.spec.tensors():
        if tensor.name not in weights:
            raise CorruptData(f"{folder / WEIGHTS} has no tensor {tensor.name}")
        if weights.info(tensor.name).shape != tensor.shape:
            shape = weights.info(tensor.name).shape
            raise CorruptData(f"{folder / WEIGHTS}: {tensor.name} is {shape}, the spec says {tensor.shape}")
        parameters[tensor.name].copy_(torch.from_numpy(_floats(weights, tensor)))


def _floats(weights: Weights, tensor: TensorSpec) -> NDArray[np.float32]:
    scheme = weights.info(tensor.name).scheme
    packed, scales = weights.packed(tensor.name), weights.scales(tensor.name)
    if scheme == PLAIN:
        return np.array(packed, dtype=np.float32)
    rows, columns = tensor.shape
    if scheme == INT2:
        return latents_of(*int2_to_codes(packed, scales, rows, columns))
    return dequantise(packed.view(np.uint8), scales, rows, columns, scheme)


def _stored(network: ScoreNetwork) -> Iterator[Stored]:
    parameters = dict(network.named_parameters())
    spec: ScoreSpec = network.spec
    for tensor in spec.tensors():
        weight = parameters[tensor.name].detach()
        if tensor.scheme == INT2:
            packed, scales = int2_from_codes(*codes_of(weight))
            yield tensor.name, tensor.shape, INT2, packed, scales
        elif tensor.scheme == PLAIN:
            dtype = np.float16 if tensor.dtype == "f16" else np.float32
            yield tensor.name, tensor.shape, PLAIN, weight.float().cpu().numpy().astype(dtype), None
        else:
            packed, scales = quantise(weight.float().cpu().numpy(), INT8, "range")
            yield tensor.name, tensor.shape, tensor.scheme, packed, scales
