"""Promises of the idle gate, told as days on a clock that a test moves."""

from dataclasses import dataclass, field, replace

import pytest

from brain.base.errors import InvalidInput
from brain.daemon.idle.budget import Budget
from brain.daemon.idle.gate import IDLE_OF_LEVEL_S, Gate, Moment, Policy, WhyNot, look
from brain.daemon.idle.pause import FOR_EVER, Pause, QuietHours
from brain.daemon.idle.reading import Reading

WELL = Reading(
    on_power=True, low_power_mode=False, cool=True, memory_easy=True, user_idle_s=7200.0, disk_free_bytes=1 << 40
)
EIGHT = 8 * 3600.0


@dataclass
class Day:
    """A machine whose clocks a story moves on; it is looked at every ten seconds."""

    policy: Policy = field(default_factory=lambda: Policy(enabled=True))
    reading: Reading = WELL
    live_idle_s: float = 3600.0
    pause: Pause = field(default_factory=Pause)
    budget: Budget = field(default_factory=lambda: Budget(60))
    wall_s: float = EIGHT
    monotonic_s: float = 0.0
    gate: Gate = field(default_factory=Gate)

    def look(self):
        moment = Moment(
            wall_s=self.wall_s,
            monotonic_s=self.monotonic_s,
            local_hour=self.wall_s / 3600 % 24,
            reading=self.reading,
            live_idle_s=self.live_idle_s,
            pause=self.pause,
            budget=self.budget,
        )
        self.gate = look(self.gate, moment, self.policy)
        return self.gate.why

    def passes(self, seconds, **change):
        self.reading = replace(self.reading, **change)
        for _ in range(round(seconds / 10)):
            self.wall_s += 10
            self.monotonic_s += 10
            self.look()
        return self.gate.why


def test_a_quiet_machine_learns_after_a_minute_and_not_before():
    day = Day()
    assert day.look() is WhyNot.SETTLING
    assert day.passes(50) is WhyNot.SETTLING
    assert day.passes(10) is WhyNot.LEARNING
    assert day.gate.open


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"on_power": False}, WhyNot.ON_BATTERY),
        ({"low_power_mode": True}, WhyNot.LOW_POWER_MODE),
        ({"cool": False}, WhyNot.HOT),
        ({"memory_easy": False}, WhyNot.MEMORY_SHORT),
        ({"user_idle_s": 3.0}, WhyNot.USER_ACTIVE),
        ({"disk_free_bytes": 5}, WhyNot.DISK_FULL),
    ]
    + [({name: None}, WhyNot.UNKNOWN) for name in vars(WELL)],
)
def test_one_thing_amiss_closes_it_at_once_and_a_minute_of_peace_opens_it(change, why):
    day = Day()
    day.passes(120)
    assert day.passes(10, **change) is why
    assert day.passes(50, **vars(WELL)) is WhyNot.SETTLING
    assert day.passes(20) is WhyNot.LEARNING


def test_nothing_is_learned_that_was_not_enabled():
    assert Day(policy=Policy()).passes(3600) is WhyNot.DISABLED


def test_a_generation_closes_it_for_half_a_minute_after_its_end():
    day = Day()
    day.passes(120)
    day.live_idle_s = 0.0
    assert day.passes(10) is WhyNot.LIVE_CALL
    day.live_idle_s = 29.0
    assert day.passes(10) is WhyNot.LIVE_CALL
    day.live_idle_s = 30.0
    assert day.passes(10) is WhyNot.SETTLING
    assert day.passes(60) is WhyNot.LEARNING


def test_a_working_day_leaves_only_lunch_and_night():
    day = Day(policy=Policy(enabled=True, user_idle_s=IDLE_OF_LEVEL_S[2]), budget=Budget(24 * 60))
    learned = []
    for hour, busy in ((8, True), (12, False), (13, True), (18, False)):
        until = {8: 12, 12: 13, 13: 18, 18: 24}[hour]
        while day.wall_s < until * 3600:
            idle = 2.0 if busy else day.reading.user_idle_s + 10
            day.passes(10, user_idle_s=idle)
            learned.append((day.wall_s / 3600, day.gate.open))
    hours = [at for at, opened in learned if opened]
    assert hours
    assert all(12 < at <= 13.01 or at > 18 for at in hours)
    assert min(hours) > 12 + 600 / 3600
    assert sum(opened for at, opened in learned if at > 18) > 0.9 * 6 * 360


def test_waking_up_counts_as_no_knowledge():
    day = Day()
    day.passes(120)
    day.wall_s += 3600  # the lid was closed: the steady clock stood still
    assert day.passes(10) is WhyNot.WAKING
    assert day.passes(60) is WhyNot.SETTLING
    assert day.passes(10) is WhyNot.LEARNING


def test_a_clock_set_back_counts_as_no_knowledge_either():
    day = Day()
    day.passes(120)
    day.wall_s -= 600
    assert day.passes(10) is WhyNot.WAKING


def test_a_daemon_that_was_stopped_for_minutes_knows_nothing_of_them():
    day = Day()
    day.passes(120)
    day.wall_s += 300
    day.monotonic_s += 300
    assert day.look() is WhyNot.WAKING


def test_quiet_hours_run_over_midnight():
    day = Day(policy=Policy(enabled=True, quiet_hours=QuietHours(22, 7.5)), wall_s=21.9 * 3600)
    assert day.passes(180) is WhyNot.LEARNING
    assert day.passes(600) is WhyNot.QUIET_HOURS
    assert not QuietHours(22, 7.5).hold(7.5)
    assert QuietHours(22, 7.5).hold(3)
    assert QuietHours(9, 17).hold(9)
    assert not QuietHours(9, 17).hold(8.9)


def test_a_pause_ends_by_itself_unless_it_is_for_ever():
    day = Day(pause=Pause(EIGHT + 600))
    assert day.passes(590) is WhyNot.PAUSED
    assert day.passes(80) is WhyNot.LEARNING
    assert Day(pause=Pause(FOR_EVER)).passes(7200) is WhyNot.PAUSED


def test_the_day_has_no_more_minutes_than_the_owner_gave():
    day = Day(budget=Budget(10))
    day.passes(120)
    day.budget = day.budget.learned(day.wall_s - 600, day.wall_s)
    assert day.passes(10) is WhyNot.BUDGET_SPENT
    assert day.passes(24 * 3600 - 700) is WhyNot.BUDGET_SPENT
    assert day.passes(800) is WhyNot.LEARNING


def test_spans_older_than_a_day_are_forgotten_and_newer_ones_never():
    budget = Budget(60).learned(0, 600).learned(90_000, 90_060)
    assert budget.spans == ((90_000, 90_060),)
    assert budget.spent_s(90_060) == 60
    assert Budget(60).learned(0, 600).spent_s(86_700) == 300


@pytest.mark.parametrize(
    "make",
    [
        lambda: Budget(-1),
        lambda: Budget(1441),
        lambda: Budget(float("nan")),
        lambda: Budget(1).learned(2, 1),
        lambda: Pause(-1),
        lambda: Pause(float("nan")),
        lambda: QuietHours(3, 3),
        lambda: QuietHours(24, 3),
    ],
)
def test_what_makes_no_sense_is_refused(make):
    with pytest.raises(InvalidInput):
        make()
