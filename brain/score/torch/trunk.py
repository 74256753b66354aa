"""One block of the trunk in torch, and the rotation and the law of attention that it obeys. No embedding, no heads.

Attend(q, k) = (k <= q) or (q >= P): a prefix of P tokens is causal, the canvas after it sees itself and all before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, final

import torch
import torch.nn.functional as F  # noqa: N812 (torch's own name for it)
from torch import Tensor, nn

from brain.score.spec import ScoreSpec
from brain.score.torch.quantised import int2_weight, int8_activation

if TYPE_CHECKING:
    from torch.nn.attention.flex_attention import BlockMask


@final
@dataclass(frozen=True)
class Rounding:
    """What a trunk rounds: ``weights`` to INT2 from floating latents, ``activations`` to INT8 at the four points.

    Weights that come from a product's file are rounded already: there ``weights`` is False.
    """

    weights: bool
    activations: bool


@final
@dataclass(frozen=True)
class Part:
    """Some rows of a pass that see each other, and a prefix of their own, but no other rows.

    ``start`` and ``stop`` are their places among all rows; ``keys`` and ``values`` [1, P, key heads, size] the prefix;
    ``mask`` bool [rows, P + rows], or None where they see everything.
    """

    start: int
    stop: int
    keys: Tensor
    values: Tensor
    mask: Tensor | None


def law(length: int, prefix: int, device: torch.device | None = None) -> Tensor:
    """Which place may see which, bool [length, length] (query, key), for a canvas from ``prefix`` on.

    ``prefix == length`` is plain causal text; ``prefix == 0`` sees everything.
    """
    places = torch.arange(length, device=device)
    return (places[None, :] <= places[:, None]) | (places[:, None] >= prefix)


def block_law(length: int, block: int, device: torch.device | None = None) -> Tensor:
    """Which place may see which, bool [length, length] (query, key): all earlier blocks of ``block`` and its own."""
    blocks = torch.arange(length, device=device) // block
    return blocks[None, :] <= blocks[:, None]


def angles(rows: Tensor, columns: Tensor, theta: float, head_size: int) -> tuple[Tensor, Tensor]:
    """cos and sin float32 [..., T, head_size / 2] of positions [..., T]; even pairs turn with the row.

    Odd pairs turn with the column. Pair i turns by position x theta^(-2 i / head_size), computed in float64.
    Source: Su et al. 2021, arXiv:2104.09864; two numbers a place as in MODEL section 2.
    """
    pairs = torch.arange(head_size // 2, device=rows.device, dtype=torch.float64)
    frequency = theta ** (-2.0 * pairs / head_size)
    turn = torch.where(pairs % 2 == 0, rows.double()[..., None], columns.double()[..., None]) * frequency
    return turn.cos().float(), turn.sin().float()


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """``x`` [..., T, heads, size] with each pair (i, i + size / 2) turned by the tables [..., T, size / 2]."""
    left, right = x.float().chunk(2, -1)
    c, s = cos[..., None, :], sin[..., None, :]
    return torch.cat((left * c - right * s, right * c + left * s), -1).to(x.dtype)


def rms(x: Tensor, gain: Tensor, epsilon: float) -> Tensor:
    """``x`` over its root mean square, times ``gain``; float32 inside. Zhang and Sennrich 2019, arXiv:1910.07467."""
    return F.rms_norm(x.float(), (x.shape[-1],), gain.float(), epsilon).to(x.dtype)


def attend(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | BlockMask | None) -> Tensor:
    """Attention of q [B, T, heads, size] over k, v [B, K, key heads, size]; query head h reads h kv // heads.

    ``mask`` bool [T, K] or [B, T, K] (query, key), a flex mask, or None where all is seen.
    """
    q, k, v = (part.transpose(1, 2) for part in (q, k, v))
    if mask is None or isinstance(mask, Tensor):
        seen = mask[:, None] if mask is not None and mask.dim() == 3 else mask
        return F.scaled_dot_product_attention(q, k, v, attn_mask=seen, enable_gqa=True).transpose(1, 2)
    from torch.nn.attention.flex_attention import flex_attention

    mixed = flex_attention(q, k, v, block_mask=mask, enable_gqa=True)
    assert isinstance(mixed, Tensor)
    return mixed.transpose(1, 2)


def attend_parts(q: Tensor, k: Tensor, v: Tensor, parts: Sequence[Part]) -> Tensor:
    """Attention part by part: rows that have nothing to do with each other share the matrices, not the attention."""
    mixed = []
    for part in parts:
        rows = slice(part.start, part.stop)
        keys, values = torch.cat((part.keys, k[:, rows]), 1), torch.cat((part.values, v[:, rows]), 1)
        mixed.append(attend(q[:, rows], keys, values, part.mask))
    return torch.cat(mixed, 1)


KeysValues = tuple[Tensor, Tensor]


@final
class Block(nn.Module):
    """Attention and a gated feed-forward, each after a norm and added to the stream.

    Its parameters carry the names of ``ScoreSpec.tensors`` and are [out, in].
    """

    n1: nn.Parameter
    n2: nn.Parameter
    qn: nn.Parameter | None
    kn: nn.Parameter | None

    def __init__(self, spec: ScoreSpec, rounding: Rounding) -> None:
        super().__init__()
        self.spec = spec
        self.rounding = rounding
        if not spec.query_key_norm:
            self.qn = self.kn = None
        for tensor in spec.tensors():
            if tensor.name.startswith("blocks.0."):
                start = torch.zeros if len(tensor.shape) == 2 else torch.ones
                self.register_parameter(tensor.name.removeprefix("blocks.0."), nn.Parameter(start(tensor.shape)))

    def forward(
        self, x: Tensor, cos: Tensor, sin: Tensor, sight: Tensor | BlockMask | Sequence[Part]
    ) -> tuple[Tensor, KeysValues]:
        """``x`` [B, T, width] one block on, and its rows' keys and values [B, T, key heads, size].

        ``cos``, ``sin`` [B or 1, T, size / 2]; ``sight`` a mask (see ``attend``), or parts with prefixes of their own
        (B = 1).
        """
        eps = self.spec.norm_epsilon
        mixed, own = self._attention(self._rounded(rms(x, self.n1, eps)), cos, sin, sight)
        x = x + self._linear(self._rounded(mixed), "wo")
        h = self._rounded(rms(x, self.n2, eps))
        inner = F.silu(self._linear(h, "gate")) * self._linear(h, "up")
        return x + self._linear(self._rounded(inner), "down"), own

    def _attention(
        self, h: Tensor, cos: Tensor, sin: Tensor, sight: Tensor | BlockMask | Sequence[Part]
    ) -> tuple[Tensor, KeysValues]:
        """The heads' mixture [B, T, heads x size] of an already rounded input, and its keys and values."""
        spec, lead = self.spec, h.shape[:-1]
        q = self._linear(h, "wq").view(*lead, spec.heads, spec.head_size)
        k, v = (self._linear(h, n).view(*lead, spec.key_value_heads, spec.head_size) for n in ("wk", "wv"))
        if self.qn is not None and self.kn is not None:
            q, k = rms(q, self.qn, spec.norm_epsilon), rms(k, self.kn, spec.norm_epsilon)
        q, k = rotate(q, cos, sin), rotate(k, cos, sin)
        mixed = attend_parts(q, k, v, sight) if isinstance(sight, Sequence) else attend(q, k, v, sight)
        return mixed.reshape(*lead, -1), (k, v)

    def _rounded(self, x: Tensor) -> Tensor:
        """``x`` as a matrix of the trunk takes it."""
        return int8_activation(x) if self.rounding.activations else x

    def _linear(self, x: Tensor, name: str) -> Tensor:
        """``x`` times the named matrix, as it is stored."""
        weight: Tensor = getattr(self, name)
        if self.rounding.weights:
            weight = int2_weight(weight)
        return F.linear(x, weight.to(x.dtype))
