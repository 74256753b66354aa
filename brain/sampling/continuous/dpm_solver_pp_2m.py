"""DPM-Solver++ (2M): the expected data of the last two passes, drawn on in log signal-to-noise. One pass a step."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import final

from brain.backends.body import CancelToken
from brain.sampling.continuous.contract import ContinuousSampler, FlowState, FlowTask, Score
from brain.sampling.continuous.flight import Flight


@final
class DpmSolverPlusPlus2M(ContinuousSampler):
    """x(s) = (s / t) x(t) + (1 - s / t) D, D the expected data x - t v, corrected by its last change.

    In lambda = log((1 - t) / t) a step is infinitely long at both ends of the flow: the steps that touch t = 1 or
    t = 0, and the one after the first, are of first order (which is Euler's rule in this flow).
    """

    name = "dpm-solver++2m"
    source = "Lu et al. 2022, arXiv:2211.01095, algorithm 2, with alpha = 1 - t and sigma = t"
    order = 2
    cost = 1

    def states(self, score: Score, task: FlowTask, cancel: CancelToken | None) -> Iterator[FlowState]:
        """One state a step."""
        flight = Flight(score, task, cancel)
        earlier, length_before = None, math.inf
        for step, (time, then) in enumerate(zip(flight.times, flight.times[1:], strict=False), start=1):
            velocity = flight.velocity(flight.x, time)
            data = flight.x - time * velocity
            length = _log_ratio(then) - _log_ratio(time)
            drawn_on = data
            if earlier is not None and math.isfinite(length) and math.isfinite(length_before):
                drawn_on = data + length / (2 * length_before) * (data - earlier)
            flight.x = then / time * flight.x + (1 - then / time) * drawn_on
            earlier, length_before = data, length
            yield flight.state(step, velocity)


def _log_ratio(time: float) -> float:
    """log((1 - t) / t), infinite at both ends."""
    if time in {0.0, 1.0}:
        return math.inf if time == 0 else -math.inf
    return math.log((1 - time) / time)
