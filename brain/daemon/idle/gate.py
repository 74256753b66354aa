"""The idle gate itself: a pure fold of readings into "may learn" or one reason why not. It reads no clock, no sensor.

Learning begins after all has been well for ``SETTLE_S`` and stops at the first thing that is not (DAEMON.md 5 holds the
rule). A jump of the wall clock against the steady one is a sleep: what was known before it counts no more.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import Final, final

from brain.daemon.idle.budget import Budget
from brain.daemon.idle.pause import Pause, QuietHours
from brain.daemon.idle.reading import Reading

SETTLE_S: Final = 60.0
"""How long everything must be well before learning begins again."""
LIVE_QUIET_S: Final = 30.0
"""How long no generation may have run."""
JUMP_S: Final = 5.0
"""By how much wall and steady clock may drift apart between two looks before it counts as a sleep."""
LOOK_S: Final = 120.0
"""The longest time between two looks; after a longer one nothing is known of what happened between."""


class WhyNot(Enum):
    """The one reason that is told, the most lasting first; ``value`` is what status and clients show."""

    LEARNING = "learning"
    DISABLED = "disabled"
    PAUSED = "paused"
    QUIET_HOURS = "quiet-hours"
    BUDGET_SPENT = "budget-spent"
    DISK_FULL = "disk-full"
    ON_BATTERY = "on-battery"
    LOW_POWER_MODE = "low-power-mode"
    HOT = "hot"
    MEMORY_SHORT = "memory-short"
    LIVE_CALL = "live-call"
    USER_ACTIVE = "user-active"
    UNKNOWN = "sensor-unknown"
    WAKING = "waking"
    SETTLING = "settling"


@final
@dataclass(frozen=True, kw_only=True)
class Policy:
    """What the owner allows. ``user_idle_s`` depends on the level that wants to learn (``IDLE_OF_LEVEL_S``)."""

    enabled: bool = False
    user_idle_s: float = 180.0
    disk_free_bytes: int = 2 << 30
    quiet_hours: QuietHours | None = None


IDLE_OF_LEVEL_S: Final = {0: 0.0, 1: 180.0, 2: 600.0, 3: 1800.0, 4: 3 * 3600.0}
"""Seconds that the user must have been away before a level of the ladder may run; level 4 is meant for nights."""


@final
@dataclass(frozen=True, kw_only=True)
class Moment:
    """Everything that one decision is made of; ``live_idle_s`` is the time since a generation last ran."""

    wall_s: float
    monotonic_s: float
    local_hour: float
    reading: Reading
    live_idle_s: float
    pause: Pause
    budget: Budget


@final
@dataclass(frozen=True)
class Gate:
    """The fold's state: since when all has been well, the clocks at the last look, and the last answer."""

    well_since_s: float | None = None
    wall_s: float | None = None
    monotonic_s: float | None = None
    why: WhyNot = WhyNot.SETTLING

    @property
    def open(self) -> bool:
        """Whether learning may run now."""
        return self.why is WhyNot.LEARNING


def look(gate: Gate, moment: Moment, policy: Policy) -> Gate:
    """The gate after one more look. Same gate, moment and policy: same answer."""
    seen = replace(gate, wall_s=moment.wall_s, monotonic_s=moment.monotonic_s)
    if _slept(gate, moment):
        return replace(seen, well_since_s=None, why=WhyNot.WAKING)
    refusal = _refusal(moment, policy)
    if refusal is not None:
        return replace(seen, well_since_s=None, why=refusal)
    since = moment.monotonic_s if gate.well_since_s is None else gate.well_since_s
    settled = moment.monotonic_s - since >= SETTLE_S
    return replace(seen, well_since_s=since, why=WhyNot.LEARNING if settled else WhyNot.SETTLING)


def _slept(gate: Gate, moment: Moment) -> bool:
    if gate.wall_s is None or gate.monotonic_s is None:
        return False
    steady_s = moment.monotonic_s - gate.monotonic_s
    return abs(moment.wall_s - gate.wall_s - steady_s) > JUMP_S or steady_s > LOOK_S


def _refusal(moment: Moment, policy: Policy) -> WhyNot | None:
    now = moment.reading
    quiet = policy.quiet_hours is not None and policy.quiet_hours.hold(moment.local_hour)
    refusals = (
        (not policy.enabled, WhyNot.DISABLED),
        (moment.pause.holds(moment.wall_s), WhyNot.PAUSED),
        (quiet, WhyNot.QUIET_HOURS),
        (moment.budget.spent(moment.wall_s), WhyNot.BUDGET_SPENT),
        (now.disk_free_bytes is not None and now.disk_free_bytes < policy.disk_free_bytes, WhyNot.DISK_FULL),
        (now.on_power is False, WhyNot.ON_BATTERY),
        (now.low_power_mode is True, WhyNot.LOW_POWER_MODE),
        (now.cool is False, WhyNot.HOT),
        (now.memory_easy is False, WhyNot.MEMORY_SHORT),
        (moment.live_idle_s < LIVE_QUIET_S, WhyNot.LIVE_CALL),
        (now.user_idle_s is not None and now.user_idle_s < policy.user_idle_s, WhyNot.USER_ACTIVE),
        (None in vars(now).values(), WhyNot.UNKNOWN),
    )
    return next((why for holds, why in refusals if holds), None)
