"""The contract of every discrete sampler: what it is given, what it yields, what it promises. No sampler lives here."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
from numpy.typing import NDArray

from brain.backends.body import Body, CancelToken, Floats, Tokens
from brain.base.messages import Settings


@final
@dataclass(frozen=True)
class Task:
    """What to sample: go on after ``before`` (tokens, never empty); with ``after`` given, fill ``hole`` places between.

    ``stop`` are tokens that end the text (kept out of it); ``forbid`` tokens that may never appear; ``mask`` the mask.
    """

    before: Tokens
    after: Tokens | None
    hole: int
    stop: tuple[int, ...]
    forbid: tuple[int, ...]
    mask: int


@final
@dataclass(frozen=True)
class Trace:
    """Evidence for each settled token, side by side, all [n]: what the choice cost and how the passes disagreed.

    ``log_prob``, ``entropy``, ``margin``: of the pass that chose the token (nats). ``draft_log_prob``: the canvas'
    log-probability of it, nan where no canvas spoke. ``commit_log_prob``: the causal pass', nan where none spoke.
    ``changes``: how often the place's first choice changed before it settled.
    """

    log_prob: Floats
    entropy: Floats
    margin: Floats
    draft_log_prob: Floats
    commit_log_prob: Floats
    changes: NDArray[np.int32]


@final
@dataclass(frozen=True)
class State:
    """Where a sampler stands after a pass.

    ``settled`` [n] tokens that never change again; ``canvas`` [m] the places after them, ``task.mask`` where still
    closed, with ``confidence`` [m] in 0..1 (0 where masked); ``trace`` speaks of ``settled``. ``stopped`` is "" while
    it goes on, then "end" (a stop token), "length" or "hole".
    """

    settled: Tokens
    canvas: Tokens
    confidence: Floats
    trace: Trace
    passes: int
    stopped: str = ""


class DiscreteSampler(ABC):
    """One way to turn scores into tokens.

    ``states`` yields after every pass, at least once; the last state alone has ``stopped`` set, an empty canvas, no
    mask, no forbidden and no stop token among ``settled``, and at most ``settings.max_tokens`` tokens (exactly
    ``task.hole`` for a fill). Settled tokens only grow. All chance comes from ``settings.seed``: same seed, same
    tokens. Samplers never ask what conditions the body nor which body it is.
    """

    name: ClassVar[str]
    source: ClassVar[str]

    @abstractmethod
    def states(self, body: Body, task: Task, settings: Settings, cancel: CancelToken | None) -> Iterator[State]:
        """Sample; raises Cancelled or DeadlineExceeded between passes, InvalidInput for a task it cannot take."""
