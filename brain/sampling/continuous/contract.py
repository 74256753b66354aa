"""The contract of every continuous sampler: what it is given, what it yields, what it promises. No sampler lives here.

The flow: x_t = (1 - t) data + t noise, so t is 1 at noise and 0 at data, and the velocity dx/dt is noise - data.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Protocol, final

import numpy as np
from numpy.typing import NDArray

from brain.backends.body import CancelToken, Floats

Times = NDArray[np.float64]


class Score(Protocol):
    """The velocity as a function: a prefix, positions, guidance, control and memories are all inside of it.

    Whatever conditions a flow wraps this call, so a sampler never asks what it is, nor which body answers.
    """

    def __call__(self, x: Floats, time: Floats) -> Floats:
        """The velocity [N, C] of vectors ``x`` [N, C], each at its own ``time`` [N] in 0..1. Deterministic."""


@final
@dataclass(frozen=True)
class FlowTask:
    """What to sample: N vectors of C numbers.

    ``times`` [steps + 1] fall strictly to 0 and begin at 1 or, for a flow that begins at a sketch, later. ``known``
    [N, C] holds what is given: rows of ``fixed`` [N] (bool) are clean and stay as they are (inpainting); the other
    rows are the sketch, read only where ``times`` begins below 1. ``seed`` fixes every draw.
    """

    times: Times
    known: Floats
    fixed: NDArray[np.bool_]
    seed: int


@final
@dataclass(frozen=True)
class FlowState:
    """Where a flow stands after ``step`` of ``steps``, all arrays read-only.

    ``x`` [N, C] at ``time``; ``clean`` [N, C] where it would land if the velocity stayed (the data that the network
    expects); both are equal at time 0. ``passes`` counts calls of the score so far.
    """

    step: int
    steps: int
    time: float
    passes: int
    x: Floats
    clean: Floats


class ContinuousSampler(ABC):
    """One way to follow a velocity from noise to data.

    ``states`` yields once after every step, ``len(times) - 1`` states in all; the last has time 0. Fixed rows equal
    ``known`` to the bit in ``x`` and ``clean`` of every state and stand at time 0 in every call of the score. The
    score is asked about a free row only at times in (0, 1]: at time 0 a network knows nothing of velocity. All chance
    comes from ``task.seed``: same seed, same samples. ``order`` is how the distance from the exact flow shrinks with
    the number of steps (0: it does not, since the way adds noise of its own); ``cost`` is calls of the score a step.
    """

    name: ClassVar[str]
    source: ClassVar[str]
    order: ClassVar[int]
    cost: ClassVar[int]

    @abstractmethod
    def states(self, score: Score, task: FlowTask, cancel: CancelToken | None) -> Iterator[FlowState]:
        """Sample; raises Cancelled or DeadlineExceeded between calls of the score, InvalidInput for a bad task."""
