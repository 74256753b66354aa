"""The fill objective: masked loss on one canvas after a clean prefix, with the known text on both sides seen.

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


def fill_loss(
    network: ScoreNetwork, texts: Tensor, masked: Tensor, weights: Tensor, *, mask: Mask, dtype: torch.dtype
) -> Tensor:
    """Masked loss as ``weights`` says, each masked token scored by the place before it; nats, a float32 scalar.

    Shapes: texts int64, masked bool, weights float32, all [B, L]; mask over L places. ``dtype`` is the trunk's.
    """
    noised = torch.where(masked, network.spec.mask, texts)
    cos, sin = network.angles(torch.arange(texts.shape[1], device=texts.device)[None])
    hidden = network.trunk(network.embed(noised).to(dtype), cos, sin, mask)
    return weighted_cross_entropy(network, hidden[:, :-1], texts[:, 1:], weights[:, 1:])
