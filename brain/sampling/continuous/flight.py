"""One flow under way: its canvas, its known rows, its count of passes. It chooses no step."""

from __future__ import annotations

from typing import Final, final

import numpy as np
from numpy.typing import NDArray

from brain.backends.body import CancelToken, Floats
from brain.base.errors import InvalidInput
from brain.base.seeds import derive
from brain.sampling.continuous.contract import FlowState, FlowTask, Score

MOST_NUMBERS: Final = 1 << 24
"""Numbers that one canvas may hold."""

Wide = NDArray[np.float64]


@final
class Flight:
    """The canvas of a task from its first noise on; samplers ask for velocities and move it.

    Arithmetic is float64 so that many small steps lose nothing; the score sees float32. Fixed rows are never moved.
    Raises: InvalidInput for arrays that disagree and times that do not fall to 0.
    """

    def __init__(self, score: Score, task: FlowTask, cancel: CancelToken | None) -> None:
        _check(task)
        self._score = score
        self._cancel = cancel
        self._task = task
        self._free = ~task.fixed
        self._chance = np.random.default_rng(derive(task.seed, "flow"))
        self.passes = 0
        self.times = [float(time) for time in task.times]
        self.x = self._start()

    def velocity(self, x: Wide, time: float) -> Wide:
        """The velocity [N, C] at ``x`` where all free rows stand at ``time``; 0 for fixed rows. One pass."""
        if self._cancel is not None:
            self._cancel.check()
        self.passes += 1
        at = np.where(self._free, time, 0.0).astype(np.float32)
        found = self._score(x.astype(np.float32), at)
        return np.where(self._free[:, None], found.astype(np.float64), 0.0)

    def noise(self) -> Wide:
        """Fresh standard normal noise [N, C], 0 for fixed rows."""
        drawn = self._chance.standard_normal(self._task.known.shape)
        return np.where(self._free[:, None], drawn, 0.0)

    def state(self, step: int, velocity: Wide) -> FlowState:
        """The state after ``step`` steps; ``velocity`` is the latest known one."""
        time = self.times[step]
        clean = self.x - time * velocity
        return FlowState(step, len(self.times) - 1, time, self.passes, self._shown(self.x), self._shown(clean))

    def _start(self) -> Wide:
        begin = self.times[0]
        noise = self._chance.standard_normal(self._task.known.shape)
        known = self._task.known.astype(np.float64)
        sketch = known if begin < 1 else np.zeros_like(known)
        return np.where(self._free[:, None], (1 - begin) * sketch + begin * noise, known)

    def _shown(self, wide: Wide) -> Floats:
        shown = np.where(self._free[:, None], wide.astype(np.float32), self._task.known)
        shown.setflags(write=False)
        return shown


def _check(task: FlowTask) -> None:
    """Refuse a task that no sampler can take."""
    shape = task.known.shape
    if len(shape) != 2 or not 0 < task.known.size <= MOST_NUMBERS or task.fixed.shape != shape[:1]:
        said = f"known {list(shape)} with fixed {list(task.fixed.shape)}"
        raise InvalidInput(f"{said} is no canvas", hint="known [N, C], fixed [N], neither empty", field="known")
    if not bool(np.isfinite(task.known).all()):
        raise InvalidInput("known holds a number that is not finite", field="known")
    times = task.times
    falling = len(times) >= 2 and 0 < times[0] <= 1 and times[-1] == 0 and bool((np.diff(times) < 0).all())
    if times.ndim != 1 or not falling:
        raise InvalidInput("times do not fall to 0", hint="from at most 1 to exactly 0, each below the one before")
