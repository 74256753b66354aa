"""Promises of single ways that the contract's suite does not ask of all of them."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from brain.base.errors import InvalidInput
from brain.base.messages import Hole, Request, Settings
from brain.sampling.contract import State, Task
from brain.sampling.discrete.fill import LENGTHS
from brain.sampling.policy import DraftLength, way_of
from brain.sampling.registry import sampler
from tests.worlds import FIRST_WORD, ChainWorld, copy_world, markov_world, tokens_of

STOP, FORBID, MASK = (2,), (0, 1, 3), 3
SETTINGS = Settings(max_tokens=24, block=8, steps=4)


def task(before: list[int], after: list[int] | None = None, hole: int = 0) -> Task:
    return Task(tokens_of(before), None if after is None else tokens_of(after), hole, STOP, FORBID, MASK)


def run(world: ChainWorld, way: str, one: Task, chosen: Settings = SETTINGS) -> list[State]:
    return list(sampler(way).states(world, one, chosen, None))


WORDS = [FIRST_WORD + i for i in range(8)]
COPIED = WORDS[:3]


class TestSpeculate:
    def test_accepted_tokens_carry_the_drafts_belief_and_others_none(self) -> None:
        chosen = replace(SETTINGS, temperature=1.0, seed=3, max_tokens=60)
        trace = run(markov_world(stop_chance=0.0), "speculate", task(WORDS[:2]), chosen)[-1].trace
        drafted = ~np.isnan(trace.draft_log_prob)
        assert drafted.any()
        assert (trace.changes == 1).any()
        assert (trace.changes[drafted] == 0).all()
        assert np.array_equal(trace.commit_log_prob, trace.log_prob)

    def test_a_state_after_a_draft_shows_it_and_the_next_one_has_settled_some(self) -> None:
        states = run(copy_world(loyalty=0.99), "speculate", task(COPIED * 2))
        shown = [(now, then) for now, then in itertools.pairwise(states) if now.canvas.size]
        assert shown
        assert all(len(then.settled) > len(now.settled) for now, then in shown)

    def test_drafts_end_before_a_stop_token(self) -> None:
        world = copy_world(loyalty=0.99)
        world.transition[COPIED[2]] = np.eye(len(world.transition))[2]
        states = run(world, "speculate", task(COPIED))
        assert all(not np.isin(state.canvas, STOP).any() for state in states)
        assert states[-1].settled.tolist() == COPIED[:2]

    def test_one_token_needs_no_draft(self) -> None:
        assert run(copy_world(), "speculate", task(COPIED), replace(SETTINGS, max_tokens=1))[-1].passes == 2


class TestDraftLength:
    def test_foreseeable_text_gets_long_drafts_and_other_text_short_ones(self) -> None:
        good, bad = DraftLength(32), DraftLength(32)
        for _ in range(50):
            good.saw(10, 10)
            bad.saw(10, 0)
        assert good.places(100) >= 15
        assert bad.places(100) == DraftLength.SHORTEST

    @pytest.mark.parametrize("left", [1, 2, 3, 40])
    def test_a_draft_never_reaches_past_the_end_nor_the_block(self, left: int) -> None:
        for block in (2, 3, 16):
            assert 0 <= DraftLength(block).places(left) <= min(block - 1, left - 1)

    def test_a_round_without_a_draft_teaches_nothing(self) -> None:
        one, other = DraftLength(16), DraftLength(16)
        one.saw(0, 0)
        assert one.places(99) == other.places(99)


class TestBlock:
    def test_a_block_takes_its_steps_and_one_commit(self) -> None:
        last = run(copy_world(loyalty=0.999), "block", task(COPIED * 2), replace(SETTINGS, max_tokens=16))[-1]
        assert len(last.settled) == 16
        assert last.passes == 1 + 2 * (4 + 1)

    def test_places_open_over_the_steps_and_never_close(self) -> None:
        states = run(markov_world(stop_chance=0.0), "block", task(WORDS[:2]), replace(SETTINGS, max_tokens=8))
        masked = [int((state.canvas == MASK).sum()) for state in states if state.canvas.size]
        assert masked == [5, 4, 2, 0]

    def test_the_commit_pass_speaks_of_every_token_and_the_canvas_of_all_but_anchors(self) -> None:
        world = markov_world(stop_chance=0.0)
        last = run(world, "block", task(WORDS[:1]), replace(SETTINGS, temperature=1.0))[-1]
        silent = np.flatnonzero(np.isnan(last.trace.draft_log_prob))
        assert silent.tolist() == [7, 15, 23]
        seen = [WORDS[0], *last.settled.tolist()]
        exact = [np.log(world.transition[here, then]) for here, then in itertools.pairwise(seen)]
        assert last.trace.commit_log_prob == pytest.approx(exact, abs=1e-5)

    def test_a_changed_mind_is_counted(self) -> None:
        chosen = replace(SETTINGS, steps=7, block=8, order="random", max_tokens=24)
        trace = run(markov_world(stop_chance=0.0, seed=3), "block", task(WORDS[:1]), chosen)[-1].trace
        assert trace.changes.max() >= 1

    def test_a_canvas_shows_how_sure_it_is_of_what_is_open(self) -> None:
        world = copy_world(loyalty=0.999)
        states = [state for state in run(world, "block", task(COPIED * 2)) if state.canvas.size]
        assert all((state.confidence[state.canvas != MASK] > 0.5).all() for state in states)


class TestFill:
    def test_a_hole_is_filled_with_what_both_sides_agree_on(self) -> None:
        last = run(copy_world(), "fill", task(COPIED * 2, COPIED * 2, 6))[-1]
        assert last.settled.tolist() == COPIED * 2
        assert last.stopped == "hole"

    def test_of_several_lengths_the_one_that_leads_on_is_kept(self) -> None:
        world = copy_world(loyalty=0.98)
        last = run(world, "fill", task([*COPIED, *COPIED, COPIED[0]], [COPIED[2], *COPIED]))[-1]
        assert (len(last.settled) - 1) % 3 == 0
        assert last.settled[0] == COPIED[1]

    def test_lengths_are_tried_side_by_side_so_they_cost_no_more_passes(self) -> None:
        world = copy_world()
        one = run(world, "fill", task(COPIED, COPIED, 24))[-1].passes
        assert run(world, "fill", task(COPIED, COPIED))[-1].passes == one == 1 + 4 + 1

    def test_no_length_above_the_limit_is_tried(self) -> None:
        for limit in (1, 5, 9):
            states = run(copy_world(), "fill", task(COPIED, COPIED), replace(SETTINGS, max_tokens=limit))
            assert max(len(state.canvas) for state in states) <= limit
            assert len(states[-1].settled) in LENGTHS

    def test_a_hole_at_the_end_of_a_text_is_a_hole_too(self) -> None:
        assert len(run(copy_world(), "fill", task(COPIED, [], 4))[-1].settled) == 4

    def test_a_hole_of_less_than_nothing_is_refused(self) -> None:
        with pytest.raises(InvalidInput, match="-1"):
            run(copy_world(), "fill", task(COPIED, COPIED, -1))


class TestPolicy:
    def test_a_hole_is_filled_whatever_way_is_named(self) -> None:
        hole = Request(request_id="a", hole=Hole(before="a", after="b"), settings=Settings(way="block"))
        assert way_of(hole) == "fill"
        assert way_of(replace(hole, hole=None, prompt="a")) == "block"


def test_settled_tokens_and_evidence_cannot_be_written() -> None:
    last = run(copy_world(), "next-token", task(COPIED))[-1]
    for array in (last.settled, *vars(last.trace).values()):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0
