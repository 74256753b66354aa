"""The pair objective: next-token loss on a clean text and masked loss on its noised copy, in one pass.

Not the choice of what is masked (``maskings.py``), nor who sees whom (``laws.py``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from brain.score.torch.network import ScoreNetwork
from brain.training.losses.cross_entropy import weighted_cross_entropy

if TYPE_CHECKING:
    from brain.training.losses.laws import Mask


def pair_loss(
    network: ScoreNetwork, windows: Tensor, masked: Tensor, weights: Tensor, *, mask: Mask, dtype: torch.dtype
) -> tuple[Tensor, Tensor]:
    """Mean next-token loss, and masked loss as ``weights`` says; nats, float32 scalars.

    Scores are shifted: place i scores token i + 1, in both halves. An anchor is never masked, so the place that
    scores a masked token always lies in the token's own block.

    Shapes: windows int64 [B, L + 1]; masked bool and weights float32, [B, L]; mask over 2 L places, the clean half
    first. Both halves stand at positions 0 … L - 1. ``dtype`` is the trunk's arithmetic.
    """
    texts, targets = windows[:, :-1], windows[:, 1:]
    count, length = texts.shape
    noised = torch.where(masked, network.spec.mask, texts)
    places = torch.arange(length, device=windows.device).repeat(2)[None]
    cos, sin = network.angles(places)
    hidden = network.trunk(network.embed(torch.cat((texts, noised), 1)).to(dtype), cos, sin, mask)
    even = torch.full((count, length), 1.0 / (count * length), device=windows.device)
    next_token = weighted_cross_entropy(network, hidden[:, :length], targets, even)
    return next_token, weighted_cross_entropy(network, hidden[:, length:-1], texts[:, 1:], weights[:, 1:])
