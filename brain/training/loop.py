"""The loop of a run: step after step until the plan's end or a stop, with checkpoints. It builds no parts."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import final

import torch

from brain.base.clock import Clock
from brain.base.errors import Cancelled, InternalError
from brain.score.torch.network import ScoreNetwork
from brain.training import checkpoint
from brain.training.checkpoint import Place
from brain.training.optim.both import Optimisers
from brain.training.plan import Plan
from brain.training.progress import Progress
from brain.training.schedule import rate_factor
from brain.training.step import StepLosses, Stepper


@final
@dataclass(frozen=True)
class Surroundings:
    """What a run is handed: where it computes, the clock, who hears its lines, and who may stop it.

    ``device`` is "auto", "cpu" or "cuda"; ``threads`` None leaves torch's own choice; ``stop`` is asked between steps.
    """

    clock: Clock
    say: Callable[[str], None]
    stop: Callable[[], bool]
    device: str = "auto"
    threads: int | None = None
    checkpoint_every_s: float = 600.0


@final
@dataclass(frozen=True)
class Run:
    """What a checkpoint is made of: the plan, the file, the text's fingerprint, the network and its optimisers."""

    plan: Plan
    file: Path
    fingerprint: str
    network: ScoreNetwork
    optimisers: Optimisers

    def keep(self, place: Place, losses: StepLosses | None) -> None:
        """Write a checkpoint. Raises InternalError, and leaves the last one, when the network has come apart."""
        whole = all(bool(torch.isfinite(parameter).all()) for parameter in self.network.parameters())
        if not whole or (losses is not None and not math.isfinite(float(losses.next_token))):
            hint = "the last checkpoint is whole; other text or a new run may help"
            raise InternalError(f"the network came apart before step {place.step}: numbers are not finite", hint=hint)
        checkpoint.save(self.file, self.plan, self.fingerprint, place, network=self.network, optimisers=self.optimisers)


def train(run: Run, stepper: Stepper, place: Place, around: Surroundings) -> Place:
    """Step from ``place`` to the plan's end; gives the place of the end.

    A checkpoint is written every ``checkpoint_every_s``, at a stop and at the end; its time counts as no training.
    Raises: Cancelled, after a checkpoint, when stopped before the end; InternalError for numbers that are not finite.
    """
    progress = Progress(run.plan, around.clock, around.say, place.step)
    last_s = kept_s = around.clock.monotonic_s()
    while (done := run.plan.progress(place.step, place.spent_s)) < 1.0:
        losses = stepper.step(place.step, rate_factor(done))
        now = around.clock.monotonic_s()
        place, last_s = Place(place.step + 1, place.spent_s + now - last_s), now
        progress.note(place.step, place.spent_s, losses)
        if around.stop() and run.plan.progress(place.step, place.spent_s) < 1.0:
            run.keep(place, losses)
            raise Cancelled(f"stopped after step {place.step}", hint="--resume goes on from here")
        if now - kept_s >= around.checkpoint_every_s:
            run.keep(place, losses)
            last_s = kept_s = around.clock.monotonic_s()
    run.keep(place, None)
    return place
