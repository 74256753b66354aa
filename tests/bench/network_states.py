"""Texts to vectors by the shipped network's own states: the mean of a layer, as it is and whitened. A rival."""

import numpy as np
import torch

from brain.native.tokenizer import Tokenizer
from brain.score.torch.load import from_folder
from brain.score.torch.trunk import law

LONGEST_TOKENS = 256
BATCH_TOKENS = 8192


class NetworkStates:
    """Means of chosen layers for any texts; each text goes through the network once."""

    def __init__(self, folder, layers=(2, 6, 10), bidirectional=True):
        self.tokenizer = Tokenizer.open(folder / "tokenizer.json")
        self.network = from_folder(folder).eval()
        self.layers = [layer for layer in layers if layer <= len(self.network.blocks)]
        self.bidirectional = bidirectional

    def means(self, texts):
        """[layers, texts, width]; short texts go together."""
        ids = [self.tokenizer.encode(" " + text)[:LONGEST_TOKENS].astype(np.int64) for text in texts]
        order = sorted(range(len(ids)), key=lambda at: len(ids[at]))
        out = np.zeros((len(self.layers), len(ids), self.network.spec.width), np.float32)
        start = 0
        while start < len(order):
            stop = start + 1
            while stop < len(order) and len(ids[order[stop]]) * (stop - start + 1) <= BATCH_TOKENS:
                stop += 1
            rows = order[start:stop]
            out[:, rows] = self._batch([ids[row] for row in rows])
            start = stop
        return out

    @torch.inference_mode()
    def _batch(self, batch):
        longest = max(1, *map(len, batch))
        tokens = torch.zeros(len(batch), longest, dtype=torch.long)
        there = torch.zeros(len(batch), longest, dtype=torch.bool)
        for row, ids in enumerate(batch):
            tokens[row, : len(ids)] = torch.from_numpy(ids)
            there[row, : max(1, len(ids))] = True
        sight = law(longest, 0 if self.bidirectional else longest) & there[:, None, :]
        cos, sin = self.network.angles(torch.arange(longest)[None])
        x, kept = self.network.embed(tokens), []
        for number, block in enumerate(self.network.blocks, 1):
            x, _ = block(x, cos, sin, sight)
            if number in self.layers:
                kept.append((x * there[..., None]).sum(1) / there.sum(1, keepdim=True))
            if number == max(self.layers):
                break
        return torch.stack(kept).numpy()


def whitening(means):
    """What to take away and to multiply by, from the means [texts, width] of texts that are not evaluated."""
    centre = means.mean(0)
    values, vectors = np.linalg.eigh(np.cov(means - centre, rowvar=False))
    return centre, vectors / np.sqrt(np.maximum(values, values.max() * 1e-4))


def unit(vectors):
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
