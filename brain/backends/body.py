"""The contract between a network's body and everything that samples from it: interfaces and values, no arithmetic.

A body holds the heavy arrays and hands back small ones, so a sampler is a page of Python whatever the body is.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol, final

import numpy as np
from numpy.typing import NDArray

from brain.score.spec import ScoreSpec

Tokens = NDArray[np.uint32]
Floats = NDArray[np.float32]


class CancelToken(Protocol):
    """What a body reads between layers; the native one is ``brain.native.cancel.CancelToken``."""

    def check(self) -> None:
        """Raise ``Cancelled`` or ``DeadlineExceeded`` when the call should not go on."""


class See(Enum):
    """How the places of a pass see each other; all of them see the whole prefix."""

    CAUSAL = "causal"
    CANVAS = "canvas"


class Prefix(ABC):
    """Clean tokens whose keys and values never change. Owned by one generation; not for two threads at once."""

    @property
    @abstractmethod
    def length(self) -> int:
        """How many tokens it holds."""

    @abstractmethod
    def truncate(self, length: int) -> None:
        """Forget all tokens from ``length`` on. Raises InvalidInput when it is longer than the prefix."""

    @abstractmethod
    def fork(self) -> Prefix:
        """A copy that grows apart from this one."""


@final
@dataclass(frozen=True)
class TextPass:
    """One pass over tokens [L] after ``prefix``.

    CAUSAL appends them to the prefix; CANVAS leaves the prefix as it was. Scores are shifted: place i of the result
    speaks of the token after place i. ``targets`` [L] int64 asks for the log-probability of given next tokens, -1 for
    none. ``rows`` and ``columns`` [L] float32 are positions; None goes on counting after the prefix.
    """

    prefix: Prefix
    tokens: Tokens
    see: See
    targets: NDArray[np.int64] | None = None
    rows: Floats | None = None
    columns: Floats | None = None


@final
@dataclass(frozen=True)
class CanvasPass:
    """One pass over noisy vectors ``x`` [N, C] of a ``kind``, each at its own ``time`` [N]: 0 clean, 1 noise.

    ``rows`` and ``columns`` [N] float32 are positions (MODEL.md names each kind's rule: ``score/positions.py``).
    """

    prefix: Prefix
    kind: str
    x: Floats
    time: Floats
    rows: Floats
    columns: Floats


@final
@dataclass(frozen=True)
class Choice:
    """How a token is chosen at each place: ``temperature`` 0 is arg-max (ties to the lower id).

    Above 0 the choice is Gumbel-max with noise that depends on (seed, absolute place, token) alone, so two passes
    that agree on a distribution agree on the sample (Daliri et al. 2024, arXiv:2408.07978). ``min_p`` leaves out
    tokens below that share of the likeliest one (Nguyen et al. 2024, arXiv:2407.01082). ``forbid`` are never chosen.
    """

    temperature: float = 0.0
    min_p: float = 0.0
    seed: int = 0
    forbid: tuple[int, ...] = ()


@final
@dataclass(frozen=True)
class Proposal:
    """What a pass says of the token after each of its L places; nats, at temperature 1, without the forbidden tokens.

    ``token`` [L] uint32 the choice; ``log_prob`` [L] of it; ``entropy`` [L]; ``margin`` [L] = p(first) - p(second);
    ``target_log_prob`` [L] of the asked targets over the *whole* vocabulary, nan where none was asked. All float32.
    """

    token: Tokens
    log_prob: Floats
    entropy: Floats
    margin: Floats
    target_log_prob: Floats


class Body(ABC):
    """A network that scores text and continuous canvases. Safe to call from several threads, one prefix each.

    On the native body a place's result depends, to the bit, on that place's inputs alone (never on what else is in
    the pass, the batch, or the number of threads); on torch up to float rounding.
    """

    @property
    @abstractmethod
    def name(self) -> str:
        """ "native", "torch" or "mlx"."""

    @property
    @abstractmethod
    def spec(self) -> ScoreSpec:
        """The network that it computes."""

    @abstractmethod
    def prefix(self) -> Prefix:
        """A new, empty prefix."""

    @abstractmethod
    def propose(self, passes: Sequence[TextPass], choice: Choice, cancel: CancelToken | None = None) -> list[Proposal]:
        """Score each pass and choose a token for each place; one Proposal a pass, in order.

        Cost: one trunk pass over all rows together. Raises InvalidInput (a token outside the vocabulary, shapes that
        disagree, a prefix of another body), Cancelled, DeadlineExceeded; a prefix is then as long as it was.
        """

    @abstractmethod
    def velocity(self, passes: Sequence[CanvasPass], cancel: CancelToken | None = None) -> list[Floats]:
        """The velocity noise - data [N, C] at each vector of each pass, at its own position and time."""

    @abstractmethod
    def hidden(self, passes: Sequence[TextPass], cancel: CancelToken | None = None) -> list[Floats]:
        """The trunk's output [L, width] after the last norm, for probes and embeddings."""
