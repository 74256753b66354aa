"""Euler-Maruyama of the flow's stochastic twin: fresh noise in every step, the same law at every time."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final, final

from brain.backends.body import CancelToken
from brain.sampling.continuous.contract import ContinuousSampler, FlowState, FlowTask, Score
from brain.sampling.continuous.flight import Flight

STRENGTH: Final = 1.0
"""How much noise is exchanged: the diffusion's square is ``STRENGTH`` t; 0 would be the flow itself."""


@final
class EulerMaruyama(ContinuousSampler):
    """dx = (v - w/2 grad log p) dt + sqrt(w) dW backwards in time, w = ``STRENGTH`` t.

    The velocity gives the score, grad log p = -(x + (1 - t) v) / t, so the noise that comes in is matched by noise
    that is taken out and the law at each time stays that of the flow. The last step adds no noise. The order is that
    of the law, in the weak sense; two runs with different noise stay apart.
    """

    name = "sde"
    source = "Ma et al. 2024, arXiv:2401.08740 (SiT, diffusion w_t = sigma_t); Maruyama 1955"
    order = 0
    cost = 1

    def states(self, score: Score, task: FlowTask, cancel: CancelToken | None) -> Iterator[FlowState]:
        """One state a step."""
        flight = Flight(score, task, cancel)
        for step, (time, then) in enumerate(zip(flight.times, flight.times[1:], strict=False), start=1):
            velocity = flight.velocity(flight.x, time)
            back = time - then
            if then > 0:
                noise_part = flight.x + (1 - time) * velocity
                spread = math.sqrt(STRENGTH * time * back)
                flight.x = flight.x - back * (velocity + STRENGTH / 2 * noise_part) + spread * flight.noise()
            else:
                flight.x = flight.x - back * velocity
            yield flight.state(step, velocity)
