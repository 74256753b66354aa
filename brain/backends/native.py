"""The native body: the skeleton's forward pass behind the contract of ``body.py``. It computes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, final

import numpy as np

from brain.backends.body import Body, CancelToken, CanvasPass, Choice, Floats, Prefix, Proposal, TextPass, Tokens
from brain.backends.choose import check_choice
from brain.backends.passes import check_canvases, check_decodable, check_text, foreign, places
from brain.base.errors import InvalidInput
from brain.native import cancel as native_cancel
from brain.native import forward
from brain.native.weights import Weights
from brain.score.folder import WEIGHTS, score_json
from brain.score.spec import ScoreSpec

Precision = Literal["int8", "f32"]
Rows = tuple[forward.Cache, Tokens, Floats, Floats, Literal["causal", "canvas"]]


@final
class NativePrefix(Prefix):
    """A cache of the skeleton. A fork shares memory until one of the two grows."""

    def __init__(self, body: NativeBody, cache: forward.Cache) -> None:
        self.body = body
        self.cache = cache

    @property
    def length(self) -> int:
        """How many tokens it holds."""
        return len(self.cache)

    def truncate(self, length: int) -> None:
        """Forget all tokens from ``length`` on."""
        if not 0 <= length <= len(self.cache):
            raise InvalidInput(f"cannot cut a prefix of {len(self.cache)} tokens to {length}", field="length")
        self.cache.truncate(length)

    def fork(self) -> NativePrefix:
        """A copy that grows apart from this one."""
        return NativePrefix(self.body, self.cache.fork())


@final
class NativeBody(Body):
    """A score network in the Rust skeleton, over a memory-mapped file. What serves.

    Law of rows: a place's result is the same to the bit, alone, in a batch, cached or not, on any number of threads.
    """

    def __init__(self, network: forward.Network, spec: ScoreSpec, precision: Precision) -> None:
        self._network = network
        self._spec = spec
        self._precision: Precision = precision

    @classmethod
    def open(cls, folder: Path, threads: int, precision: Precision | None = None) -> NativeBody:
        """The body of a model folder on ``threads`` threads of its own; None takes the precision that the model names.

        Cost: the file is mapped, not read. Raises: NotFound, CorruptData, InvalidInput, Unsupported, StorageFailed.
        """
        text = score_json(folder)
        spec = ScoreSpec.from_json(text)
        check_decodable(spec)
        network = forward.Network.open(Weights.open(folder / WEIGHTS), text, threads)
        chosen: Precision = "f32" if spec.activations == "f32" else "int8"
        return cls(network, spec, precision or chosen)

    @property
    def name(self) -> str:
        """The body's name."""
        return "native"

    @property
    def spec(self) -> ScoreSpec:
        """The network that it computes."""
        return self._spec

    def prefix(self) -> NativePrefix:
        """A new, empty prefix."""
        return NativePrefix(self, self._network.cache())

    def propose(self, passes: Sequence[TextPass], choice: Choice, cancel: CancelToken | None = None) -> list[Proposal]:
        """Score each pass and choose a token for each place; scores are streamed, never held."""
        check_choice(choice, self._spec.vocabulary)
        found = self._network.propose(
            self._text(passes),
            temperature=choice.temperature,
            min_p=choice.min_p,
            seed=choice.seed,
            forbid=choice.forbid,
            targets=[None if one.targets is None else np.ascontiguousarray(one.targets) for one in passes],
            precision=self._precision,
            cancel=_native(cancel),
        )
        return [Proposal(one.token, one.log_prob, one.entropy, one.margin, one.target_log_prob) for one in found]

    def hidden(self, passes: Sequence[TextPass], cancel: CancelToken | None = None) -> list[Floats]:
        """The trunk's output [L, width] after the last norm."""
        return self._network.hidden(self._text(passes), precision=self._precision, cancel=_native(cancel))

    def velocity(self, passes: Sequence[CanvasPass], cancel: CancelToken | None = None) -> list[Floats]:
        """The velocity noise - data [N, C] at each vector of each pass."""
        check_canvases(passes, self._spec)
        caches = self._caches([one.prefix for one in passes])
        whole = np.ascontiguousarray
        arrays = [
            (cache, one.kind, whole(one.x), whole(one.time), whole(one.rows), whole(one.columns))
            for cache, one in zip(caches, passes, strict=True)
        ]
        return self._network.velocity(arrays, precision=self._precision, cancel=_native(cancel))

    def _text(self, passes: Sequence[TextPass]) -> list[Rows]:
        """Text passes, checked, as the skeleton takes them."""
        check_text(passes, self._spec)
        caches = self._caches([one.prefix for one in passes])
        return [
            (cache, np.ascontiguousarray(one.tokens), *places(one), one.see.value)
            for cache, one in zip(caches, passes, strict=True)
        ]

    def _caches(self, prefixes: Sequence[Prefix]) -> list[forward.Cache]:
        """The caches of prefixes; one that stands twice (in canvases, which leave it alone) is lent as a fork."""
        caches: list[forward.Cache] = []
        for prefix in prefixes:
            if not isinstance(prefix, NativePrefix) or prefix.body is not self:
                raise foreign(prefix, self.name)
            caches.append(prefix.cache.fork() if any(prefix.cache is one for one in caches) else prefix.cache)
        return caches


def _native(cancel: CancelToken | None) -> native_cancel.CancelToken | None:
    """The skeleton's own token, which it reads between layers; one of another make is read here, before the pass."""
    if cancel is None or isinstance(cancel, native_cancel.CancelToken):
        return cancel
    cancel.check()
    return None
