"""The weighted cross entropy of the text head, over the rows that weigh anything. Knows no masks of attention."""

from __future__ import annotations

from typing import Final

import torch
import torch.nn.functional as F  # noqa: N812 (torch's own name for it)
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from brain.score.torch.network import ScoreNetwork

CHUNK_ROWS: Final = 8192
"""Scores of at most this many rows exist at once; beyond, they are computed again in the backward pass."""


def weighted_cross_entropy(network: ScoreNetwork, hidden: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
    """The sum of ``weights`` times the cross entropy (nats) of ``targets`` under the head's scores; float32 scalar.

    Shapes: hidden [..., width]; targets int64 and weights float32, both [...]. Rows of weight 0 cost nothing.
    """
    rows = weights.reshape(-1).nonzero()[:, 0]
    chosen = hidden.reshape(-1, hidden.shape[-1])[rows]
    wanted, shares = targets.reshape(-1)[rows], weights.reshape(-1)[rows]

    def part(states: Tensor, aims: Tensor, share: Tensor) -> Tensor:
        losses = F.cross_entropy(network.logits(states).float(), aims, reduction="none")
        return (losses * share).sum()

    if len(rows) <= CHUNK_ROWS:
        return part(chosen, wanted, shares)
    total = torch.zeros((), device=hidden.device)
    for states, aims, share in zip(*(torch.split(of, CHUNK_ROWS) for of in (chosen, wanted, shares)), strict=True):
        total = total + checkpoint(part, states, aims, share, use_reentrant=False)
    return total
