"""The midpoint rule: along the velocity half-way through the step. Second order, two passes a step."""

from __future__ import annotations

from collections.abc import Iterator
from typing import final

from brain.backends.body import CancelToken
from brain.sampling.continuous.contract import ContinuousSampler, FlowState, FlowTask, Score
from brain.sampling.continuous.flight import Flight


@final
class Midpoint(ContinuousSampler):
    """Half an Euler step; the whole step goes along the velocity that is found there."""

    name = "midpoint"
    source = "Runge 1895, Mathematische Annalen 46 (the modified Euler rule)"
    order = 2
    cost = 2

    def states(self, score: Score, task: FlowTask, cancel: CancelToken | None) -> Iterator[FlowState]:
        """One state a step."""
        flight = Flight(score, task, cancel)
        for step, (time, then) in enumerate(zip(flight.times, flight.times[1:], strict=False), start=1):
            first = flight.velocity(flight.x, time)
            half = (time + then) / 2
            velocity = flight.velocity(flight.x + (half - time) * first, half)
            flight.x = flight.x + (then - time) * velocity
            yield flight.state(step, velocity)
