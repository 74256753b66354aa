"""The torch body: the score network in plain torch behind the contract of ``body.py``. The control, not what serves."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, final

import numpy as np
import torch
from torch import Tensor

from brain.backends.body import Body, CancelToken, CanvasPass, Choice, Floats, Prefix, Proposal, See, TextPass
from brain.backends.choose import check_choice, propose
from brain.backends.passes import check_canvases, check_decodable, check_text, foreign, places
from brain.base.errors import InvalidInput
from brain.score.spec import ScoreSpec
from brain.score.torch.load import from_folder
from brain.score.torch.network import ScoreNetwork
from brain.score.torch.trunk import KeysValues, Part, law

Precision = Literal["f32", "int8"]


@final
class TorchPrefix(Prefix):
    """Keys and values a layer, [1, n, key heads, size] float32, never changed in place: a fork shares them."""

    def __init__(self, body: TorchBody, layers: tuple[KeysValues, ...]) -> None:
        self.body = body
        self.layers = layers

    @property
    def length(self) -> int:
        """How many tokens it holds."""
        return self.layers[0][0].shape[1]

    def truncate(self, length: int) -> None:
        """Forget all tokens from ``length`` on."""
        if not 0 <= length <= self.length:
            raise InvalidInput(f"cannot cut a prefix of {self.length} tokens to {length}", field="length")
        self.layers = tuple((keys[:, :length], values[:, :length]) for keys, values in self.layers)

    def fork(self) -> TorchPrefix:
        """A copy that grows apart from this one; costs nothing."""
        return TorchPrefix(self.body, self.layers)


@final
class TorchBody(Body):
    """A score network in torch on the CPU. Same passes, same promises as the native body, up to float rounding.

    A batch shares every matrix; attention runs pass by pass.
    """

    def __init__(self, network: ScoreNetwork) -> None:
        self.network = network

    @classmethod
    def open(cls, folder: Path, precision: Precision = "f32") -> TorchBody:
        """The body of a model folder; "int8" rounds activations as the product does.

        Raises as ``load.from_folder``, and Unsupported.
        """
        network = from_folder(folder, activations=precision == "int8")
        check_decodable(network.spec)
        return cls(network)

    @property
    def name(self) -> str:
        """The body's name."""
        return "torch"

    @property
    def spec(self) -> ScoreSpec:
        """The network that it computes."""
        return self.network.spec

    def prefix(self) -> TorchPrefix:
        """A new, empty prefix."""
        empty = torch.zeros(1, 0, self.spec.key_value_heads, self.spec.head_size)
        return TorchPrefix(self, tuple((empty, empty) for _ in range(self.spec.layers)))

    @torch.no_grad()
    def propose(self, passes: Sequence[TextPass], choice: Choice, cancel: CancelToken | None = None) -> list[Proposal]:
        """Score each pass and choose a token for each place; all scores of a pass are held at once."""
        check_choice(choice, self.spec.vocabulary)
        rows = self._text_rows(passes)
        hidden, grown = self._run(rows, cancel)
        scores = [self.network.logits(one).numpy() for one in hidden]
        found = [propose(s, r.rows, choice, one.targets) for s, r, one in zip(scores, rows, passes, strict=True)]
        _grow(rows, grown)
        return found

    @torch.no_grad()
    def hidden(self, passes: Sequence[TextPass], cancel: CancelToken | None = None) -> list[Floats]:
        """The trunk's output [L, width] after the last norm."""
        rows = self._text_rows(passes)
        hidden, grown = self._run(rows, cancel)
        _grow(rows, grown)
        return [one.numpy() for one in hidden]

    @torch.no_grad()
    def velocity(self, passes: Sequence[CanvasPass], cancel: CancelToken | None = None) -> list[Floats]:
        """The velocity noise - data [N, C] at each vector of each pass."""
        check_canvases(passes, self.spec)
        moments = [self.network.time_embedding(torch.tensor(one.time)) for one in passes]
        rows = []
        for one, moment in zip(passes, moments, strict=True):
            x = self.network.enter(one.kind, torch.tensor(one.x), moment)
            rows.append(_Rows(self._own(one.prefix), x, one.rows, one.columns, See.CANVAS))
        hidden, _ = self._run(rows, cancel)
        left = zip(passes, hidden, moments, strict=True)
        return [self.network.leave(one.kind, h, moment).numpy() for one, h, moment in left]

    def _own(self, prefix: Prefix) -> TorchPrefix:
        """The prefix, known to be one of this body's."""
        if not isinstance(prefix, TorchPrefix) or prefix.body is not self:
            raise foreign(prefix, self.name)
        return prefix

    def _text_rows(self, passes: Sequence[TextPass]) -> list[_Rows]:
        """Text passes, checked and embedded."""
        check_text(passes, self.spec)
        rows = []
        for one in passes:
            x = self.network.embed(torch.tensor(one.tokens.astype(np.int64)))
            rows.append(_Rows(self._own(one.prefix), x, *places(one), one.see))
        return rows

    def _run(self, passes: list[_Rows], cancel: CancelToken | None) -> tuple[list[Tensor], list[list[KeysValues]]]:
        """All passes through the trunk together: the output [L, width] of each, and its keys and values a layer."""
        check = cancel.check if cancel is not None else lambda: None
        check()
        if not passes:
            return [], []
        cos, sin = self.network.angles(
            torch.tensor(np.concatenate([one.rows for one in passes])),
            torch.tensor(np.concatenate([one.columns for one in passes])),
        )
        stops = np.cumsum([len(one.x) for one in passes]).tolist()
        spans = list(zip([0, *stops], stops, strict=False))
        layers = [
            [one.part(layer, *span) for one, span in zip(passes, spans, strict=True)]
            for layer in range(self.spec.layers)
        ]
        x = torch.cat([one.x for one in passes])[None]
        hidden, own = self.network.resume(x, cos[None], sin[None], layers, check)
        grown = [[(keys[:, a:b], values[:, a:b]) for keys, values in own] for a, b in spans]
        return [hidden[0, a:b] for a, b in spans], grown


@final
class _Rows:
    """What enters the trunk for one pass: vectors [L, width], positions [L], and the prefix that they see."""

    def __init__(self, prefix: TorchPrefix, x: Tensor, rows: Floats, columns: Floats, see: See) -> None:
        self.prefix = prefix
        self.x = x
        self.rows = rows
        self.columns = columns
        self.see = see

    def part(self, layer: int, start: int, stop: int) -> Part:
        """These rows, at ``start`` to ``stop`` among all, as attention sees them in a layer."""
        keys, values = self.prefix.layers[layer]
        before, own = keys.shape[1], stop - start
        mask = law(before + own, before + own)[before:] if self.see is See.CAUSAL else None
        return Part(start, stop, keys, values, mask)


def _grow(passes: list[_Rows], grown: list[list[KeysValues]]) -> None:
    """Make the causal passes part of their prefixes, once nothing can fail any more."""
    for one, own in zip(passes, grown, strict=True):
        if one.see is See.CAUSAL:
            pairs = zip(one.prefix.layers, own, strict=True)
            one.prefix.layers = tuple(
                (torch.cat((k, new_k), 1), torch.cat((v, new_v), 1)) for (k, v), (new_k, new_v) in pairs
            )
