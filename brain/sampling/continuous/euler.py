"""Euler's rule: along the velocity at the step's beginning. First order, one pass a step; the control of the others."""

from __future__ import annotations

from collections.abc import Iterator
from typing import final

from brain.backends.body import CancelToken
from brain.sampling.continuous.contract import ContinuousSampler, FlowState, FlowTask, Score
from brain.sampling.continuous.flight import Flight


@final
class Euler(ContinuousSampler):
    """x(s) = x(t) + (s - t) v(x, t)."""

    name = "euler"
    source = "Euler 1768, Institutiones calculi integralis; for this flow Liu et al. 2022, arXiv:2209.03003"
    order = 1
    cost = 1

    def states(self, score: Score, task: FlowTask, cancel: CancelToken | None) -> Iterator[FlowState]:
        """One state a step."""
        flight = Flight(score, task, cancel)
        for step, (time, then) in enumerate(zip(flight.times, flight.times[1:], strict=False), start=1):
            velocity = flight.velocity(flight.x, time)
            flight.x = flight.x + (then - time) * velocity
            yield flight.state(step, velocity)
