"""Says how a run goes, a line now and then that reads the same on a screen and in a pipe. Measures no held-out text."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, final

from brain.base.clock import Clock
from brain.training.plan import Plan
from brain.training.step import StepLosses

EARLY: Final = (1, 2, 5, 10)
"""Steps after which there is a line at once."""
EVERY_S: Final = 10.0


@final
class Progress:
    """Gathers the losses of steps and says their means since the line before."""

    def __init__(self, plan: Plan, clock: Clock, say: Callable[[str], None], first_step: int) -> None:
        self._plan, self._clock, self._say = plan, clock, say
        self._first = self._shown = first_step
        self._since_s = clock.monotonic_s()
        self._gathered: list[StepLosses] = []

    def note(self, step: int, spent_s: float, losses: StepLosses) -> None:
        """Take the losses of the step that made ``step`` steps in all, after ``spent_s`` seconds; perhaps a line."""
        self._gathered.append(losses)
        now = self._clock.monotonic_s()
        done = self._plan.progress(step, spent_s) >= 1.0
        if step - self._first not in EARLY and now - self._since_s < EVERY_S and not done:
            return
        self._say(self._line(step, spent_s, now))
        self._gathered = []
        self._since_s, self._shown = now, step

    def _line(self, step: int, spent_s: float, now: float) -> str:
        count = len(self._gathered)
        following, masked, fill, norm = (
            sum(float(getattr(losses, name)) for losses in self._gathered) / count
            for name in ("next_token", "masked", "fill", "gradient")
        )
        done = self._plan.progress(step, spent_s)
        speed = (step - self._shown) * self._plan.recipe.tokens_a_step / max(now - self._since_s, 1e-9)
        left = spent_s / done * (1 - done) if done > 0 else float("inf")
        return (
            f"step {step}  {100 * done:.1f} %  loss {following + masked + self._plan.recipe.fill_weight * fill:.3f}  "
            f"next-token {following:.3f}  masked {masked:.3f}  fill {fill:.3f}  gradient {norm:.2f}  "
            f"{speed:.0f} pair tokens/s  {duration(left)} left"
        )


def duration(seconds: float) -> str:
    """Seconds in words: ``1 h 5 min``, ``12 min 30 s``, ``8 s``; infinite is ``unknown time``."""
    if seconds == float("inf"):
        return "unknown time"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
