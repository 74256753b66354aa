"""Small models for tests, written as the product writes them: random weights in a real model folder."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np

from brain.native.quant import quantise
from brain.native.weights import write_weights
from brain.score.folder import SCORE, TOKENIZER, WEIGHTS
from brain.score.spec import INT2, PLAIN, KindSpec, ScoreSpec

BASE = Path(__file__).parent.parent / "brain" / "pretrained" / "base"

SMALL = ScoreSpec(
    name="small",
    width=128,
    layers=3,
    heads=4,
    key_value_heads=2,
    feed_forward=192,
    vocabulary=320,
    kinds={"image": KindSpec(8, 9), "audio": KindSpec(12, 10), "plan": KindSpec(6, 11)},
)


def random_tensors(spec: ScoreSpec, seed: int) -> dict[str, np.ndarray]:
    """Float32 tensors of a network whose scores differ clearly from token to token."""
    chance = np.random.default_rng(seed)
    tensors = {}
    for tensor in spec.tensors():
        if len(tensor.shape) == 1:
            tensors[tensor.name] = (1 + 0.2 * chance.standard_normal(tensor.shape)).astype(np.float32)
        else:
            spread = 0.3 if tensor.name == "emb" else 1 / np.sqrt(tensor.shape[1])
            tensors[tensor.name] = (spread * chance.standard_normal(tensor.shape)).astype(np.float32)
    return tensors


def write_model(folder: Path, spec: ScoreSpec = SMALL, seed: int = 0) -> Path:
    """A model folder with random weights from ``seed``; the tokenizer is the base model's."""
    folder.mkdir(parents=True, exist_ok=True)
    stored = []
    tensors = random_tensors(spec, seed)
    for tensor in spec.tensors():
        values = tensors[tensor.name]
        if tensor.scheme == PLAIN:
            kind = {"f32": np.float32, "f16": np.float16}[tensor.dtype]
            stored.append((tensor.name, tensor.shape, tensor.scheme, values.astype(kind), None))
        else:
            rule = "mean_abs" if tensor.scheme == INT2 else "range"
            stored.append((tensor.name, tensor.shape, tensor.scheme, *quantise(values, tensor.scheme, rule)))
    write_weights(folder / WEIGHTS, stored, {"network": spec.name})
    (folder / SCORE).write_text(spec.to_json(), encoding="utf-8")
    shutil.copyfile(BASE / TOKENIZER, folder / TOKENIZER)
    return folder
