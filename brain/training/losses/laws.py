"""Who may see whom in the two objectives, as one formula each: dense masks on a CPU, flex masks on a GPU."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from torch.nn.attention.flex_attention import BlockMask

    Mask = Tensor | BlockMask

Law = Callable[[Tensor, Tensor], Tensor]
"""Takes places of queries and of keys (broadcast against each other), gives whether the one sees the other."""


def pair_law(length: int, block: Tensor) -> Law:
    """The law of [clean ; noised], two copies of a text of ``length`` side by side; ``block`` holds the block size.

    Clean places see clean ones up to themselves. Noised places see clean ones of earlier blocks, and all noised ones
    of their own block. So every block is trained as a canvas after its clean prefix, all in one pass.
    Source: Arriola et al. 2025, arXiv:2503.09573 (block diffusion).
    """

    def sees(query: Tensor, key: Tensor) -> Tensor:
        query_noised, key_noised = query >= length, key >= length
        query_place, key_place = query % length, key % length
        query_block, key_block = query_place // block, key_place // block
        clean = ~query_noised & ~key_noised & (key_place <= query_place)
        before = query_noised & ~key_noised & (key_block < query_block)
        beside = query_noised & key_noised & (key_block == query_block)
        return clean | before | beside

    return sees


def fill_law(prefix: Tensor) -> Law:
    """The law of a prefix and one canvas after it: attend(q, k) = (k <= q) or (q >= P)."""

    def sees(query: Tensor, key: Tensor) -> Tensor:
        return (key <= query) | (query >= prefix)

    return sees


def mask_of(law: Law, places: int, device: torch.device) -> Mask:
    """The law over ``places`` queries and keys: bool [places, places] on a CPU, a flex block mask on a GPU."""
    if device.type != "cuda":
        index = torch.arange(places, device=device)
        return law(index[:, None], index[None, :])
    from torch.nn.attention.flex_attention import create_block_mask

    def sees(batch: Tensor, head: Tensor, query: Tensor, key: Tensor) -> Tensor:
        return law(query, key)

    return create_block_mask(sees, None, None, places, places, device=str(device))
