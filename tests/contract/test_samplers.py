"""One suite for every discrete sampler of the registry, over worlds whose truth is known."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brain.base.errors import Cancelled, InvalidInput
from brain.base.messages import ORDERS, WAYS, Settings
from brain.sampling.contract import State, Task
from brain.sampling.registry import SAMPLERS, sampler
from tests.worlds import FIRST_WORD, ChainWorld, copy_world, markov_world, tokens_of

WORLDS = {"markov": markov_world, "hostile": lambda: markov_world(hostile=True), "copy": copy_world}
MASK, FORBID, STOP = 3, (0, 1, 3, 9), (2, 6)


def task_for(way: str, before: int = 5, hole: int = 6, after: int = 4) -> Task:
    known = [1] + [FIRST_WORD + (i * i) % 5 for i in range(before - 1)]
    rest = tokens_of([FIRST_WORD + i % 3 for i in range(after)]) if way == "fill" else None
    return Task(tokens_of(known), rest, hole if way == "fill" else 0, STOP, FORBID, MASK)


def run(world: ChainWorld, way: str, chosen: Settings, task: Task | None = None) -> list[State]:
    return list(sampler(way).states(world, task or task_for(way), chosen, None))


class CancelAfter:
    """A cancel token that ends the call at its n-th reading."""

    def __init__(self, readings: int) -> None:
        self.left = readings

    def check(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise Cancelled("withdrawn")


sampler_settings = st.builds(
    Settings,
    block=st.integers(2, 12),
    steps=st.integers(1, 12),
    order=st.sampled_from(ORDERS),
    entropy_bound=st.floats(0, 4),
    temperature=st.sampled_from([0.0, 0.7, 1.0, 2.0]),
    min_p=st.sampled_from([0.0, 0.1]),
    max_tokens=st.integers(1, 40),
    seed=st.integers(0, 2**64 - 1),
)


@pytest.mark.parametrize("world", WORLDS)
@pytest.mark.parametrize("way", SAMPLERS)
class TestEveryWay:
    @settings(max_examples=25, deadline=None)
    @given(chosen=sampler_settings, before=st.integers(1, 9), hole=st.integers(0, 9), after=st.integers(0, 5))
    def test_states_keep_every_promise_of_the_contract(
        self, way: str, world: str, chosen: Settings, before: int, hole: int, after: int
    ) -> None:
        body = WORLDS[world]()
        states = run(body, way, chosen, task_for(way, before, hole, after))
        last = states[-1]
        assert [state.stopped for state in states[:-1]] == [""] * (len(states) - 1)
        assert last.stopped in ({"hole"} if way == "fill" else {"end", "length"})
        assert last.canvas.size == 0
        assert not np.isin(last.settled, (MASK, *FORBID, *STOP)).any()
        assert len(last.settled) == hole if hole and way == "fill" else len(last.settled) <= chosen.max_tokens
        assert (last.stopped == "length") <= (len(last.settled) == chosen.max_tokens)
        assert last.passes == body.calls
        for earlier, later in itertools.pairwise(states):
            assert np.array_equal(later.settled[: len(earlier.settled)], earlier.settled)
            assert earlier.passes <= later.passes <= earlier.passes + 1
        for state in states:
            assert state.confidence.shape == state.canvas.shape
            assert ((state.confidence >= 0) & (state.confidence <= 1)).all()
            assert (state.confidence[state.canvas == MASK] == 0).all()
            assert not np.isin(state.canvas, [token for token in FORBID if token != MASK]).any()
            for field in vars(state.trace).values():
                assert field.shape == state.settled.shape

    @settings(max_examples=10, deadline=None)
    @given(chosen=sampler_settings)
    def test_the_same_seed_gives_the_same_tokens(self, way: str, world: str, chosen: Settings) -> None:
        one, two = (run(WORLDS[world](), way, chosen)[-1] for _ in range(2))
        assert np.array_equal(one.settled, two.settled)
        assert np.array_equal(one.trace.log_prob, two.trace.log_prob)

    def test_another_seed_gives_other_tokens_when_it_is_warm(self, way: str, world: str) -> None:
        warm = Settings(temperature=1.5, max_tokens=30, block=6)
        texts = {tuple(run(WORLDS[world](), way, replace(warm, seed=seed))[-1].settled) for seed in range(8)}
        assert len(texts) > 1

    def test_a_withdrawn_call_ends_before_its_next_pass(self, way: str, world: str) -> None:
        chosen = Settings(max_tokens=30, block=6, steps=3)
        passes = run(WORLDS[world](), way, chosen)[-1].passes
        for readings in range(passes):
            body = WORLDS[world]()
            with pytest.raises(Cancelled):
                list(sampler(way).states(body, task_for(way), chosen, CancelAfter(2 * readings)))
            assert body.calls == readings

    def test_evidence_is_that_of_the_tokens_that_settled(self, way: str, world: str) -> None:
        trace = run(WORLDS[world](), way, Settings(temperature=1.0, max_tokens=20, block=6, seed=5))[-1].trace
        assert (trace.log_prob <= 0).all()
        assert (trace.entropy >= 0).all()
        assert ((trace.margin >= 0) & (trace.margin <= 1)).all()
        assert not np.isnan(trace.commit_log_prob).any()
        assert (trace.changes >= 0).all()


@pytest.mark.parametrize("way", SAMPLERS)
def test_an_empty_text_before_is_refused(way: str) -> None:
    with pytest.raises(InvalidInput, match="nothing to go on from"):
        run(markov_world(), way, Settings(), replace(task_for(way), before=tokens_of([])))


@pytest.mark.parametrize("way", SAMPLERS)
def test_a_mask_in_the_known_text_is_refused(way: str) -> None:
    with pytest.raises(InvalidInput, match="holds the mask"):
        run(markov_world(), way, Settings(), replace(task_for(way), before=tokens_of([1, MASK])))


@pytest.mark.parametrize("way", SAMPLERS)
def test_a_task_of_the_other_sort_is_refused(way: str) -> None:
    other = task_for("next-token" if way == "fill" else "fill")
    with pytest.raises(InvalidInput, match="a hole"):
        run(markov_world(), way, Settings(), other)


@pytest.mark.parametrize("bad", [Settings(max_tokens=0), Settings(block=1), Settings(steps=0)])
@pytest.mark.parametrize("way", SAMPLERS)
def test_settings_under_which_no_text_would_come_are_refused(way: str, bad: Settings) -> None:
    with pytest.raises(InvalidInput, match="at least"):
        run(markov_world(), way, bad)


def test_the_registry_holds_every_way_that_a_caller_may_name() -> None:
    assert set(WAYS) | {"fill"} == set(SAMPLERS)
    assert all(name == one.name and one.source for name, one in SAMPLERS.items())


def test_an_unknown_way_is_refused_by_name() -> None:
    with pytest.raises(InvalidInput, match="'sideways'"):
        sampler("sideways")
