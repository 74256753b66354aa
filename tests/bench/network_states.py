"""Texts to vectors by the shipped network's own states: the mean of a layer, as it is and whitened. A rival.

A layer's states are the output of the same network cut off behind that layer, so the native body computes them.
"""

import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

from brain.backends.body import See, TextPass
from brain.backends.select import open_body
from brain.native.tokenizer import Tokenizer
from brain.native.weights import Weights, write_weights
from brain.score.folder import SCORE, TOKENIZER, WEIGHTS, read_spec

LONGEST_TOKENS = 256
BATCH_TOKENS = 1024


class NetworkStates:
    """Means of one layer's states, behind the last norm, each place seeing all others; a text is asked for once."""

    def __init__(self, folder, layer, threads=2):
        self.tokenizer = Tokenizer.open(folder / TOKENIZER)
        with tempfile.TemporaryDirectory() as room:
            cut(folder, layer, Path(room))
            self.body = open_body(Path(room), "native", threads)

    def means(self, texts):
        """[texts, width] float32; texts of a like length go together."""
        ids = [self.tokenizer.encode(" " + text)[:LONGEST_TOKENS] for text in texts]
        out = np.zeros((len(ids), self.body.spec.width), np.float32)
        batch, held = [], 0
        for row in [row for row in sorted(range(len(ids)), key=lambda at: len(ids[at])) if len(ids[row])]:
            batch.append(row)
            held += len(ids[row])
            if held >= BATCH_TOKENS:
                self._fill(out, ids, batch)
                batch, held = [], 0
        self._fill(out, ids, batch)
        return out

    def _fill(self, out, ids, batch):
        if batch:
            passes = [TextPass(self.body.prefix(), ids[row], See.CANVAS) for row in batch]
            for row, states in zip(batch, self.body.hidden(passes), strict=True):
                out[row] = states.mean(0)


def cut(folder, layers, room):
    """Write the model of ``folder`` with its first ``layers`` blocks alone to ``room``."""
    spec = replace(read_spec(folder), layers=layers)
    weights = Weights.open(folder / WEIGHTS)
    stored = []
    for tensor in spec.tensors():
        scales = weights.scales(tensor.name)
        packed = weights.packed(tensor.name)
        stored.append((tensor.name, tensor.shape, tensor.scheme, packed, scales if len(scales) else None))
    write_weights(room / WEIGHTS, stored, {})
    (room / SCORE).write_text(spec.to_json(), encoding="utf-8")
    (room / TOKENIZER).write_bytes((folder / TOKENIZER).read_bytes())


def whitening(means):
    """What to take away and to multiply by, from the means [texts, width] of texts that are not evaluated."""
    centre = means.mean(0)
    values, vectors = np.linalg.eigh(np.cov(means - centre, rowvar=False))
    return centre, vectors / np.sqrt(np.maximum(values, values.max() * 1e-4))


def unit(vectors):
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
