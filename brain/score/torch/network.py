"""The whole score network in torch: embedding, trunk, text head and continuous heads. It neither samples nor loads.

Its parameters are named and shaped as ``ScoreSpec.tensors`` says: ``state_dict`` is the list of a product's tensors.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, final

import torch
import torch.nn.functional as F  # noqa: N812 (torch's own name for it)
from torch import Tensor, nn

from brain.score.spec import TIME_FEATURES, ScoreSpec
from brain.score.torch.trunk import Block, KeysValues, Part, Rounding, angles, rms

if TYPE_CHECKING:
    from torch.nn.attention.flex_attention import BlockMask

TIME_BASE = 10_000.0
TIME_UNITS = 1000.0
"""Time 0..1 is read in thousandths."""


@final
class ScoreNetwork(nn.Module):
    """One trunk, three ways to see. Shapes: B texts, T places, width; float32 unless the caller casts what it embeds.

    ``quantise`` rounds the floating latent weights to INT2 and activations to INT8 on every pass, straight-through:
    quantisation-aware training. ``activations`` alone sets the second (None: like ``quantise``): a network whose
    weights come rounded from a product's file is ``ScoreNetwork(spec, False, activations=True)``.
    Parameters start at 0 (gains at 1) until ``initialise`` or a loader fills them.
    """

    def __init__(self, spec: ScoreSpec, quantise: bool = False, *, activations: bool | None = None) -> None:
        super().__init__()
        self.spec = spec
        rounding = Rounding(quantise, quantise if activations is None else activations)
        self.emb = nn.Parameter(torch.zeros(spec.vocabulary, spec.width))
        self.blocks = nn.ModuleList(Block(spec, rounding) for _ in range(spec.layers))
        self.nf = nn.Parameter(torch.ones(spec.width))
        self.head = None if spec.tied_embedding else nn.Parameter(torch.zeros(spec.vocabulary, spec.width))
        self.time = nn.ParameterDict({key: torch.zeros(spec.tensor(f"time.{key}").shape) for key in ("0", "2")})
        self.mod = nn.Parameter(torch.zeros(2 * spec.width, spec.width))
        self.inp = nn.ParameterDict({kind: torch.zeros(spec.width, of.channels) for kind, of in spec.kinds.items()})
        self.out = nn.ParameterDict({kind: torch.zeros(of.channels, spec.width) for kind, of in spec.kinds.items()})

    @torch.no_grad()
    def initialise(self, generator: torch.Generator) -> None:
        """Fill every matrix from a normal law; chance from ``generator`` alone (on the parameters' device).

        .02 in general, less by 1 / sqrt(2 layers) where a matrix adds to the stream, 1 / sqrt(in) at the inputs, 0 at
        the continuous outputs and their modulation, so that training starts from a plain trunk.
        """
        for name, parameter in self.named_parameters():
            if parameter.dim() != 2:
                continue
            if name == "mod" or name.startswith("out."):
                parameter.zero_()
                continue
            spread = 0.02
            if name.endswith((".wo", ".down")):
                spread /= math.sqrt(2 * self.spec.layers)
            elif name.startswith(("inp.", "time.")):
                spread = 1 / math.sqrt(parameter.shape[1])
            parameter.normal_(0.0, spread, generator=generator)

    def angles(self, rows: Tensor, columns: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """cos and sin [..., T, head_size / 2] of positions [..., T]; ``columns`` None is text (like the rows)."""
        return angles(rows, rows if columns is None else columns, self.spec.rope_theta, self.spec.head_size)

    def embed(self, tokens: Tensor) -> Tensor:
        """Tokens [B, T] to vectors [B, T, width]."""
        return F.embedding(tokens, self.emb)

    def trunk(self, x: Tensor, cos: Tensor, sin: Tensor, mask: Tensor | BlockMask) -> Tensor:
        """Vectors [B, T, width] through all blocks and the last norm; see ``Block.forward`` for tables and mask."""
        for block in self.blocks:
            x, _ = block(x, cos, sin, mask)
        return rms(x, self.nf, self.spec.norm_epsilon)

    def resume(
        self,
        x: Tensor,
        cos: Tensor,
        sin: Tensor,
        layers: Sequence[Sequence[Part]],
        check: Callable[[], None],
    ) -> tuple[Tensor, list[KeysValues]]:
        """Like ``trunk`` for rows [1, T, width] after cached prefixes: ``layers`` holds each layer's parts.

        Gives the rows' own keys and values a layer as well. ``check`` is called before each layer and may raise.
        """
        own: list[KeysValues] = []
        for block, parts in zip(self.blocks, layers, strict=True):
            check()
            x, pair = block(x, cos, sin, parts)
            own.append(pair)
        return rms(x, self.nf, self.spec.norm_epsilon), own

    def logits(self, hidden: Tensor) -> Tensor:
        """Scores of a token [..., vocabulary] of the trunk's output [..., width]; a tied embedding is the head."""
        head = self.emb if self.head is None else self.head
        return F.linear(hidden, head.to(hidden.dtype))

    def time_embedding(self, time: Tensor) -> Tensor:
        """Times [..., N] in 0..1 to vectors [..., N, width]: W2 silu(W1 [cos, sin](1000 t f)), f_i = 1e4^(-i / 128)."""
        half = TIME_FEATURES // 2
        steps = torch.arange(half, device=time.device, dtype=torch.float32)
        turn = time.float()[..., None] * TIME_UNITS * torch.exp(-math.log(TIME_BASE) * steps / half)
        return F.linear(F.silu(F.linear(torch.cat((turn.cos(), turn.sin()), -1), self.time["0"])), self.time["2"])

    def enter(self, kind: str, x: Tensor, time: Tensor) -> Tensor:
        """Noisy vectors ``x`` [..., N, channels] as the trunk takes them; ``time`` [..., N, width] is embedded."""
        return F.linear(x, self.inp[kind]) + time

    def leave(self, kind: str, hidden: Tensor, time: Tensor) -> Tensor:
        """Velocity [..., N, channels] of the trunk's output at the canvas; ``time`` is embedded already."""
        gain, shift = F.linear(F.silu(time), self.mod).chunk(2, -1)
        return F.linear(hidden.float() * (1 + gain) + shift, self.out[kind])

    def canvas(
        self, kind: str, tokens: Tensor, x: Tensor, time: Tensor, *, cos: Tensor, sin: Tensor, mask: Tensor | BlockMask
    ) -> Tensor:
        """Velocity noise - data [B, N, channels] of a canvas of noisy vectors after a caption, in one pass.

        Shapes: tokens [B, P], x [B, N, channels], time [B, N] (0 clean, 1 noise), tables and mask over P + N places.
        """
        moment = self.time_embedding(time)
        words = self.embed(tokens)
        places = torch.cat((words, self.enter(kind, x, moment).to(words.dtype)), 1)
        hidden = self.trunk(places, cos, sin, mask)[:, tokens.shape[1] :]
        return self.leave(kind, hidden, moment)
