"""A world of vectors whose flow is known exactly: Gaussian data. The truth for tests of continuous samplers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import final

import numpy as np

from brain.backends.body import Floats
from brain.sampling.continuous.contract import FlowTask, Times


@final
@dataclass
class GaussianWorld:
    """Data ~ N(mean, spread²), number by number; the velocity is E[noise - data | x_t], which is known in closed form.

    With s_t² = (1 - t)² spread² + t², the flow keeps (x_t - (1 - t) mean) / s_t as it is, so it ends at
    mean + spread x_1. ``asked`` keeps every time array that the score was called with.
    """

    mean: float = 0.7
    spread: float = 0.5
    asked: list[Floats] = field(default_factory=list)

    def __call__(self, x: Floats, time: Floats) -> Floats:
        self.asked.append(time)
        t = time.astype(np.float64)[:, None]
        clean = (1 - t) * self.spread**2
        law = t * t + (1 - t) * clean
        with np.errstate(invalid="ignore"):
            return (-self.mean + (t - clean) / law * (x - (1 - t) * self.mean)).astype(np.float32)

    def end(self, noise: np.ndarray) -> np.ndarray:
        """Where the exact flow brings ``noise``."""
        return self.mean + self.spread * noise

    def deviation(self, time: float) -> float:
        """s_t."""
        return float(np.hypot((1 - time) * self.spread, time))


def task_of(times: Times, *, count: int = 64, channels: int = 4, fixed: int = 0, seed: int = 0) -> FlowTask:
    """A task over noise; the first ``fixed`` rows are known."""
    known = np.zeros((count, channels), np.float32)
    known[:fixed] = np.linspace(-1, 1, max(fixed, 1), dtype=np.float32)[:fixed, None]
    return FlowTask(times, known, np.arange(count) < fixed, seed)
