"""Adams-Bashforth of two steps: the last two velocities, drawn on in a line. Second order, one pass a step."""

from __future__ import annotations

from collections.abc import Iterator
from typing import final

from brain.backends.body import CancelToken
from brain.sampling.continuous.contract import ContinuousSampler, FlowState, FlowTask, Score
from brain.sampling.continuous.flight import Flight


@final
class AdamsBashforth2(ContinuousSampler):
    """x(s) = x(t) + h (v + h / (2 h') (v - v')), with h and h' this and the last step's lengths.

    The first step has no earlier velocity and is Euler's; one such step leaves the order as it is.
    """

    name = "ab2"
    source = "Bashforth & Adams 1883; for steps of unequal length Hairer, Norsett & Wanner 1993, III.5"
    order = 2
    cost = 1

    def states(self, score: Score, task: FlowTask, cancel: CancelToken | None) -> Iterator[FlowState]:
        """One state a step."""
        flight = Flight(score, task, cancel)
        earlier, length_before = None, 0.0
        for step, (time, then) in enumerate(zip(flight.times, flight.times[1:], strict=False), start=1):
            length = then - time
            velocity = flight.velocity(flight.x, time)
            slope = 0.0 if earlier is None else length / (2 * length_before) * (velocity - earlier)
            flight.x = flight.x + length * (velocity + slope)
            earlier, length_before = velocity, length
            yield flight.state(step, velocity)
