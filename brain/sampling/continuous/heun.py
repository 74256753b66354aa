"""Heun's rule: the mean of the velocities at both ends of the step. Second order, two passes a step."""

from __future__ import annotations

from collections.abc import Iterator
from typing import final

from brain.backends.body import CancelToken
from brain.sampling.continuous.contract import ContinuousSampler, FlowState, FlowTask, Score
from brain.sampling.continuous.flight import Flight


@final
class Heun(ContinuousSampler):
    """An Euler step, then the same step again with the mean of the velocities before and after it.

    The last step ends at time 0, where no velocity can be asked for, and is Euler's; one such step leaves the order
    as it is.
    """

    name = "heun"
    source = "Heun 1900; for diffusion Karras et al. 2022, arXiv:2206.00364, algorithm 1"
    order = 2
    cost = 2

    def states(self, score: Score, task: FlowTask, cancel: CancelToken | None) -> Iterator[FlowState]:
        """One state a step; the last one costs a single pass."""
        flight = Flight(score, task, cancel)
        for step, (time, then) in enumerate(zip(flight.times, flight.times[1:], strict=False), start=1):
            velocity = flight.velocity(flight.x, time)
            if then > 0:
                ahead = flight.velocity(flight.x + (then - time) * velocity, then)
                velocity = (velocity + ahead) / 2
            flight.x = flight.x + (then - time) * velocity
            yield flight.state(step, velocity)
