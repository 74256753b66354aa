"""The picture autoencoder in torch, float32: the twin that the native one is measured against. It trains nothing.

Source: MODEL.md §6; Dosovitskiy et al. 2020, arXiv:2010.11929.
"""

from __future__ import annotations

from typing import final

import torch
from torch.nn.functional import linear, scaled_dot_product_attention, silu

from brain.latent.spec import DECODER, ENCODER, PictureSpec
from brain.latent.torch.tensors import Tensors

HEAD = 64


@final
class Autoencoder:
    """Both ways, over tensors by their names in the file; either way needs its own tensors only."""

    def __init__(self, spec: PictureSpec, tensors: Tensors) -> None:
        self._spec = spec
        self._tensors = tensors
        place = torch.arange(spec.tokens)
        speeds = spec.rope_base ** (-torch.arange(HEAD // 4) / (HEAD // 4))
        angles = torch.cat([(place // spec.grid)[:, None] * speeds, (place % spec.grid)[:, None] * speeds], 1)
        self._cos, self._sin = angles.cos(), angles.sin()
        self._mean, self._deviation = torch.tensor(spec.mean), torch.tensor(spec.deviation)

    @torch.no_grad()
    def decode(self, latents: torch.Tensor) -> torch.Tensor:
        """The numbers o [n, side, side, 4], not clamped, of latents zn [n, tokens, latent]."""
        z = _unit(latents * self._deviation + self._mean)
        x = self._tower(DECODER, self._spec.decoder.depth, linear(z, self._tensors[f"{DECODER}in"]))
        grid, patch = self._spec.grid, self._spec.patch
        patches = self._gated(f"{DECODER}out.", x).view(-1, grid, grid, patch, patch, 4)
        return patches.permute(0, 1, 3, 2, 4, 5).reshape(-1, grid * patch, grid * patch, 4)

    @torch.no_grad()
    def encode(self, pictures: torch.Tensor) -> torch.Tensor:
        """Latents zn [n, tokens, latent] of premultiplied pictures [n, side, side, 4] in 0 .. 1."""
        grid, patch = self._spec.grid, self._spec.patch
        patches = pictures.view(-1, grid, patch, grid, patch, 4).permute(0, 1, 3, 2, 4, 5)
        x = linear(patches.reshape(-1, grid * grid, patch * patch * 4) * 2 - 1, self._tensors[f"{ENCODER}in"])
        x = self._tower(ENCODER, self._spec.encoder.depth, x)
        return (_unit(linear(x, self._tensors[f"{ENCODER}out"])) - self._mean) / self._deviation

    def _tower(self, prefix: str, depth: int, x: torch.Tensor) -> torch.Tensor:
        """All blocks and the last norm."""
        for i in range(depth):
            name = f"{prefix}blocks.{i}."
            h = self._norm(f"{name}n1", x)
            q, k, v = (self._heads(linear(h, self._tensors[name + part])) for part in ("wq", "wk", "wv"))
            mixed = scaled_dot_product_attention(self._turned(q), self._turned(k), v)
            x = x + linear(mixed.transpose(1, 2).reshape(x.shape), self._tensors[f"{name}wo"])
            x = x + self._gated(name, self._norm(f"{name}n2", x))
        return self._norm(f"{prefix}norm", x)

    def _norm(self, name: str, x: torch.Tensor) -> torch.Tensor:
        """RMS norm with gain."""
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self._spec.epsilon) * self._tensors[name]

    def _gated(self, prefix: str, x: torch.Tensor) -> torch.Tensor:
        """A gated unit."""
        gate, up = (linear(x, self._tensors[prefix + part]) for part in ("gate", "up"))
        return linear(silu(gate) * up, self._tensors[f"{prefix}down"])

    def _turned(self, x: torch.Tensor) -> torch.Tensor:
        """Rotation of pairs (j, j + 32)."""
        a, b = x.chunk(2, -1)
        return torch.cat([a * self._cos - b * self._sin, a * self._sin + b * self._cos], -1)

    @staticmethod
    def _heads(x: torch.Tensor) -> torch.Tensor:
        """[n, tokens, width] as [n, heads, tokens, 64]."""
        return x.view(x.shape[0], x.shape[1], -1, HEAD).transpose(1, 2)


def _unit(z: torch.Tensor) -> torch.Tensor:
    """Latents of length sqrt(latent)."""
    return z * torch.rsqrt(z.pow(2).mean(-1, keepdim=True) + 1e-6)
