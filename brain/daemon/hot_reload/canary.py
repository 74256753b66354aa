"""Judges whether a new version of the brain does worse than the one before it, from how calls ended. Flips nothing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, final

from brain.base.errors import Cancelled, InvalidInput, NotFound, ResourceExhausted

CALLS: Final = 32
"""How many calls a new version is watched for."""
REMEMBERED: Final = 64
"""How many of its last calls a version is compared by."""

LEAST_FAILED: Final = 2
USUAL_FAILURES: Final = 0.02
"""The share of failed calls that a version is held to where the one before it failed less, or ran no call."""
CHANCE: Final = 0.01
"""A version is given up when as many failures would come by chance less often than this."""

LEAST_ANSWERS: Final = 8
CLEAR: Final = 4.0
"""How many standard errors apart two mean uncertainties must lie: it is looked at after every call."""
LEAST_RISE: Final = 0.05
"""A rise of the mean uncertainty below this is not worth a flip, however clear it is."""

_CALLERS: Final = (Cancelled, InvalidInput, NotFound, ResourceExhausted)


@final
@dataclass(frozen=True)
class Outcome:
    """How a call ended: ``failed`` by a fault, or with the mean uncertainty ``doubt``; None where it has none."""

    failed: bool
    doubt: float | None = None


def outcome(error: BaseException | None, doubt: float | None) -> Outcome:
    """How a call ended. What is the caller's doing (a withdrawal, a wrong value) is no failure; a deadline is one."""
    return Outcome(error is not None and not isinstance(error, _CALLERS), doubt if error is None else None)


def worse(before: Sequence[Outcome], now: Sequence[Outcome]) -> str:
    """Why the version that ``now`` tells of is worse than the one ``before``, in words; "" while it is not.

    Failures: a one-sided binomial test against the earlier version's rate, at least ``USUAL_FAILURES``. Uncertainty:
    Welch's statistic of the two means above ``CLEAR`` and a rise above ``LEAST_RISE``, from ``LEAST_ANSWERS`` answers
    of both; callers may ask for other things than before, which is why it must be that clear.
    """
    failed = sum(one.failed for one in now)
    rate = max(USUAL_FAILURES, sum(one.failed for one in before) / max(len(before), 1))
    if failed >= LEAST_FAILED and _at_least(failed, len(now), rate) < CHANCE:
        return f"{failed} of {len(now)} calls failed, {rate:.0%} is usual"
    old, new = _doubts(before), _doubts(now)
    if min(len(old), len(new)) < LEAST_ANSWERS:
        return ""
    rise = _mean(new) - _mean(old)
    error = math.sqrt(_variance(new) / len(new) + _variance(old) / len(old))
    if rise > LEAST_RISE and rise > CLEAR * error:
        return f"its mean uncertainty is {_mean(new):.2f} over {len(new)} answers, it was {_mean(old):.2f}"
    return ""


def _at_least(count: int, of: int, rate: float) -> float:
    """The chance of ``count`` or more failures in ``of`` calls at that rate."""
    return 1.0 - sum(math.comb(of, k) * rate**k * (1 - rate) ** (of - k) for k in range(count))


def _doubts(calls: Sequence[Outcome]) -> list[float]:
    return [one.doubt for one in calls if one.doubt is not None]


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _variance(values: Sequence[float]) -> float:
    mean = _mean(values)
    return sum((value - mean) ** 2 for value in values) / (len(values) - 1)
