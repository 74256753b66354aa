"""Promises of one generation: states, then one response whose parts agree."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace

import pytest

from brain.base.clock import HandClock
from brain.base.errors import Cancelled, InternalError, InvalidInput
from brain.base.messages import Hole, PartialState, Request, Response, Settings
from brain.diffusion import core
from brain.diffusion.core import UNCALIBRATED, generate
from brain.diffusion.plan import Plan, plan
from brain.sampling.contract import DiscreteSampler, State
from brain.uncertainty.calibration import FEATURES, Calibration, Table
from tests.worlds import ByteVocabulary, ChainWorld, spelling_world

WORDS = ByteVocabulary()
HALF = Table((0.0,) * len(FEATURES), 0.0, (0.0,), (0.5,), {})
CALIBRATION = Calibration({"speculate": HALF, "block": HALF}, {})
ASK = Request(request_id="a", prompt="xa", settings=Settings(max_tokens=12, block=6, steps=3))


class Ticking:
    """A clock that moves a second at every reading."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def wall_s(self) -> float:
        return self.now_s

    def monotonic_s(self) -> float:
        self.now_s += 1.0
        return self.now_s


def run(
    request: Request, world: ChainWorld | None = None, calibration: Calibration | None = CALIBRATION
) -> tuple[list[PartialState], Response]:
    body = world or spelling_world("aé€")
    *states, last = generate(body, WORDS, request, calibration, (), None, HandClock())
    assert isinstance(last, Response)
    assert all(isinstance(state, PartialState) for state in states)
    return states, last  # type: ignore[return-value]


@pytest.mark.parametrize("way", ["next-token", "speculate", "block"])
def test_the_parts_of_a_response_run_side_by_side(way: str) -> None:
    _, last = run(replace(ASK, settings=replace(ASK.settings, way=way)))
    assert last.text == "é€aé€a"
    assert last.text == "".join(last.pieces)
    assert len(last.tokens) == len(last.pieces) == len(last.token_uncertainty) == 12
    assert last.stopped == "length"
    assert last.uncertainty == pytest.approx(sum(last.token_uncertainty) / 12)
    assert (last.request_id, last.model, last.brain, last.memories) == ("a", "chain", "", ())


def test_a_text_cut_inside_a_character_says_so_with_one_sign_in_its_last_piece() -> None:
    _, last = run(replace(ASK, settings=replace(ASK.settings, max_tokens=10)))
    assert last.text == "é€aé\ufffd" == "".join(last.pieces)
    assert last.pieces[-1] == "\ufffd"


def test_states_count_from_one_and_their_text_only_grows() -> None:
    states, last = run(ASK)
    assert [state.step for state in states] == list(range(1, len(states) + 1))
    texts = [state.settled for state in states] + [last.text]
    assert all(after.startswith(before) for before, after in itertools.pairwise(texts))
    assert any(state.canvas for state in states)
    assert last.passes == len(states) + 1


def test_a_text_that_ends_says_so_and_its_end_mark_is_not_in_it() -> None:
    _, last = run(replace(ASK, prompt="x"), spelling_world("aé!", stop_after="!"))
    assert (last.text, last.stopped) == ("aé!", "end")


def test_an_empty_answer_is_an_answer() -> None:
    _, last = run(replace(ASK, prompt="x!"), spelling_world("a!", stop_after="!"))
    assert (last.text, last.tokens, last.uncertainty, last.stopped) == ("", (), 0.0, "end")


def test_a_hole_is_filled_to_its_length() -> None:
    request = Request(request_id="a", hole=Hole(before="xa", after="a", tokens=5), settings=ASK.settings)
    states, last = run(request, calibration=None)
    assert (last.text, last.stopped) == ("é€", "hole")
    assert all(len(state.canvas) in {0, 5} for state in states)


def test_the_calibration_is_applied_and_its_lack_is_said() -> None:
    assert set(run(ASK)[1].token_uncertainty) == {0.5}
    plain = run(ASK, calibration=None)[1]
    assert plain.warning == UNCALIBRATED
    assert run(ASK)[1].warning == ""
    assert all(0 <= value < 0.1 for value in plain.token_uncertainty)


def test_the_same_seed_gives_the_same_answer() -> None:
    warm = replace(ASK, settings=replace(ASK.settings, temperature=3.0, seed=7))
    assert run(warm)[1].tokens == run(warm)[1].tokens
    assert run(warm)[1].tokens != run(replace(warm, settings=replace(warm.settings, seed=8)))[1].tokens


def test_times_are_those_of_the_clock_that_is_handed_in() -> None:
    *states, last = generate(spelling_world("aé€"), WORDS, ASK, None, (), None, Ticking())
    assert isinstance(last, Response)
    assert last.timings.queued_s == 0.0
    assert last.timings.first_state_s == 1.0
    assert last.timings.total_s == 2.0
    assert states


def test_a_withdrawn_call_raises() -> None:
    class Withdrawn:
        def check(self) -> None:
            raise Cancelled("withdrawn")

    with pytest.raises(Cancelled):
        list(generate(spelling_world("ab"), WORDS, ASK, None, (), Withdrawn(), HandClock()))


def test_an_unknown_way_is_refused() -> None:
    with pytest.raises(InvalidInput, match="'sideways'"):
        run(replace(ASK, settings=Settings(way="sideways")))


def test_memories_are_shown_to_the_model() -> None:
    body = spelling_world("aé€")
    seen = plan(ASK, ("note",), body.spec, WORDS).task.before
    assert seen[0] == body.spec.memory
    *_, last = generate(body, WORDS, ASK, None, ("note",), None, HandClock())
    assert isinstance(last, Response)


def test_a_sampler_that_never_ends_its_text_is_a_bug_with_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    class Endless(DiscreteSampler):
        name = "endless"
        source = "nobody"

        def states(self, *_: object) -> Iterator[State]:
            return iter(())

    def endless(*arguments: object) -> Plan:
        return replace(plan(*arguments), sampler=Endless())  # type: ignore[arg-type]

    monkeypatch.setattr(core, "plan", endless)
    with pytest.raises(InternalError, match="'endless'"):
        run(ASK)
