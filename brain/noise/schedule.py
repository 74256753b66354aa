"""The contract of a masking law, and what every law gives for free. The laws themselves are in ``discrete/``."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar, final

from brain.base.errors import InvalidInput


class Schedule(ABC):
    """A law of masking: ``alpha(t)`` is the chance that a place is still clean at time t, 0 clean to 1 noise.

    Promise: ``alpha`` is 1 at 0, at most ``END`` at 1, and never grows with t.
    """

    END: ClassVar[float] = 1e-3
    name: ClassVar[str]
    source: ClassVar[str]

    @abstractmethod
    def alpha(self, t: float) -> float:
        """The chance, 0..1, that a place is clean at time ``t`` in 0..1. Raises InvalidInput outside of it."""

    @abstractmethod
    def rate(self, t: float) -> float:
        """The weight -alpha'(t) / (1 - alpha(t)) of a masked place's loss at ``t`` in (0, 1]; infinite at 0.

        Source: Sahoo et al. 2024, arXiv:2406.07524 (the continuous-time bound).
        """

    @final
    def open_chance(self, t: float, s: float) -> float:
        """The chance (alpha(s) - alpha(t)) / (1 - alpha(t)) that a place masked at ``t`` is clean at the earlier ``s``.

        Raises InvalidInput unless 0 <= s < t <= 1. Source: Sahoo et al. 2024, arXiv:2406.07524 (reverse posterior).
        """
        if not 0 <= s < t <= 1:
            raise InvalidInput(f"a step from t = {t} to s = {s} does not go back", hint="0 <= s < t <= 1", field="s")
        return (self.alpha(s) - self.alpha(t)) / (1 - self.alpha(t))

    @final
    def masked_after(self, step: int, steps: int, places: int) -> int:
        """How many of ``places`` stay masked after step ``step`` (1..steps; 0 is before the first) of ``steps``.

        The expected number under the law at time 1 - step/steps, rounded, and moved as little as needed so that every
        step opens at least one place while ``steps`` <= ``places``; with more steps than places one opens a step.
        All are masked at step 0 and none after the last. Raises InvalidInput for a step outside of 0..steps.
        """
        if steps < 1 or places < 0 or not 0 <= step <= steps:
            raise InvalidInput(f"step {step} of {steps} over {places} places", hint="0 <= step <= steps", field="step")
        masked = places
        for now in range(1, step + 1):
            expected = round(places * (1 - self.alpha(1 - now / steps)))
            masked = max(min(expected, masked - 1), steps - now if steps < places else places - now, 0)
        return masked


def checked_time(t: float) -> float:
    """``t`` itself when it is in 0..1; InvalidInput otherwise."""
    if not 0 <= t <= 1:
        raise InvalidInput(f"time {t} is outside of 0..1", hint="0 is clean, 1 is noise", field="t")
    return t
