"""The vocoder in torch, float32: the twin that the native one is measured against. It trains nothing.

Source: MODEL.md §6; Siuzdak 2023, arXiv:2306.00814.
"""

from __future__ import annotations

from typing import Final, final

import torch
from torch.nn.functional import conv1d, gelu, layer_norm, linear, pad

from brain.latent.spec import AROUND, BINS, MELS, TAPS, VOCODER
from brain.latent.torch.tensors import Tensors

FRAME, HOP, EPSILON, LOUDEST = 1024, 256, 1e-5, 6.0
HALF: Final = FRAME // 2


@final
class TorchVocoder:
    """Log-mel to sound, over tensors by their names in the file."""

    def __init__(self, tensors: Tensors) -> None:
        self._tensors = tensors
        self._depth = sum(name.endswith(".taps") for name in tensors)

    @torch.no_grad()
    def wave(self, log_mel: torch.Tensor) -> torch.Tensor:
        """The wave [(frames - 1) 256] of natural log-mel [frames, 80]."""
        x = (log_mel.T[None] + 5) / 2
        x = pad(x, (AROUND // 2, AROUND // 2), mode="replicate")[0].T
        x = self._linear(x.unfold(0, AROUND, 1).transpose(1, 2).reshape(-1, AROUND * MELS), "in")
        for i in range(self._depth):
            x = x + self._block(f"blocks.{i}.", x)
        out = self._linear(self._norm(x, "norm"), "out")
        magnitude, p, q = out[:, :BINS].clamp(max=LOUDEST).exp(), out[:, BINS : 2 * BINS], out[:, 2 * BINS :]
        length = torch.hypot(p, q).clamp(min=1e-6)
        return self._overlapped(torch.complex(magnitude * p / length, magnitude * q / length))

    def _block(self, name: str, x: torch.Tensor) -> torch.Tensor:
        """What a block adds."""
        taps, width = self._tensors[f"{VOCODER}{name}taps"], x.shape[1]
        bias = self._tensors[f"{VOCODER}{name}taps.bias"]
        y = conv1d(x.T[None], taps.T[:, None], bias, padding=TAPS // 2, groups=width)[0].T
        y = gelu(self._linear(self._norm(y, f"{name}norm"), f"{name}up"), approximate="tanh")
        return self._linear(y, f"{name}down")

    def _linear(self, x: torch.Tensor, name: str) -> torch.Tensor:
        """A matrix and its bias."""
        return linear(x, self._tensors[VOCODER + name], self._tensors[f"{VOCODER}{name}.bias"])

    def _norm(self, x: torch.Tensor, name: str) -> torch.Tensor:
        """Layer norm."""
        gain, bias = (self._tensors[f"{VOCODER}{name}.{part}"] for part in ("gain", "bias"))
        return layer_norm(x, x.shape[-1:], gain, bias, EPSILON)

    @staticmethod
    def _overlapped(spectrum: torch.Tensor) -> torch.Tensor:
        """Frames back to samples."""
        window = torch.hann_window(FRAME)
        frames = torch.fft.irfft(spectrum, n=FRAME) * window
        length = FRAME + HOP * (len(frames) - 1)
        sums = torch.zeros(2, length)
        for t, frame in enumerate(frames):
            sums[:, t * HOP : t * HOP + FRAME] += torch.stack([frame, window * window])
        return (sums[0] / sums[1].clamp(min=1e-3))[HALF : length - HALF].clamp(-1, 1)
