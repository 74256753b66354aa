"""Statistical laws: sampled texts against the exact law of a chain, and speculation against next-token decoding."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brain.base.messages import Settings
from brain.sampling.contract import Task
from brain.sampling.registry import sampler
from tests.worlds import FIRST_WORD, ChainWorld, copy_world, markov_world, tokens_of, total_variation

STOP, FORBID, MASK = (2,), (0, 1, 3), 3
BEFORE = [1, FIRST_WORD, FIRST_WORD + 1]
RUNS = 4000
BOUND = 0.05
"""With 4,000 texts over at most 40 outcomes the distance to one's own law is below 0.4 sqrt(40 / 4000) = 0.04 on
average, and spreads by less than 1 / (2 sqrt(4000)) = 0.008 around it."""


def texts_of(world: ChainWorld, way: str, chosen: Settings, task: Task) -> list[tuple[int, ...]]:
    one = sampler(way)
    texts = []
    for seed in range(RUNS):
        *_, last = one.states(world, task, replace(chosen, seed=seed), None)
        texts.append(tuple(int(token) for token in last.settled))
    return texts


@pytest.mark.parametrize(
    ("way", "chosen"),
    [
        ("next-token", Settings(temperature=1.0, max_tokens=3)),
        ("speculate", Settings(temperature=1.0, max_tokens=3, block=3)),
        ("block", Settings(temperature=1.0, max_tokens=3, block=4, steps=64, order="random")),
        ("block", Settings(temperature=1.0, max_tokens=3, block=3, steps=64, order="random")),
        ("block", Settings(temperature=1.0, max_tokens=3, block=4, steps=64, order="left-to-right")),
    ],
    ids=["next-token", "speculate", "block-of-4", "block-of-3", "block-left-to-right"],
)
def test_sampled_texts_have_the_exact_law_of_the_chain(way: str, chosen: Settings) -> None:
    world = markov_world(words=3, seed=1)
    task = Task(tokens_of(BEFORE), None, 0, STOP, FORBID, MASK)
    law = world.text_law(BEFORE, 3, STOP[0])
    assert len(law) <= 40
    assert total_variation(texts_of(world, way, chosen, task), law) < BOUND


def test_a_block_opened_all_at_once_does_not_have_that_law_so_the_bound_can_fail() -> None:
    world = markov_world(words=3, seed=1)
    task = Task(tokens_of(BEFORE), None, 0, STOP, FORBID, MASK)
    at_once = Settings(temperature=1.0, max_tokens=3, block=4, steps=1, order="random")
    assert total_variation(texts_of(world, "block", at_once, task), world.text_law(BEFORE, 3, STOP[0])) > 2 * BOUND


def test_a_hole_filled_place_by_place_has_the_exact_law_between_its_texts() -> None:
    world = markov_world(words=3, seed=2, stop_chance=0.0)
    after = [FIRST_WORD + 2, FIRST_WORD]
    task = Task(tokens_of(BEFORE), tokens_of(after), 3, STOP, FORBID, MASK)
    chosen = Settings(temperature=1.0, steps=64, order="random")
    assert total_variation(texts_of(world, "fill", chosen, task), world.hole_law(BEFORE, 3, after)) < BOUND


@settings(max_examples=150, deadline=None)
@given(
    kind=st.sampled_from(["markov", "hostile", "copy"]),
    world_seed=st.integers(0, 5),
    before=st.lists(st.integers(FIRST_WORD, FIRST_WORD + 4), min_size=1, max_size=8),
    chosen=st.builds(
        Settings,
        block=st.integers(2, 24),
        temperature=st.sampled_from([0.0, 0.5, 1.0, 1.7]),
        min_p=st.sampled_from([0.0, 0.05, 0.3]),
        max_tokens=st.integers(1, 60),
        seed=st.integers(0, 2**64 - 1),
    ),
)
def test_speculation_gives_token_for_token_what_next_token_gives(
    kind: str, world_seed: int, before: list[int], chosen: Settings
) -> None:
    make = {"markov": markov_world, "hostile": markov_world, "copy": copy_world}[kind]
    world = make() if kind == "copy" else markov_world(seed=world_seed, hostile=kind == "hostile", stop_chance=0.02)
    task = Task(tokens_of(before), None, 0, STOP, FORBID, MASK)
    *_, slow = sampler("next-token").states(world, task, chosen, None)
    *_, fast = sampler("speculate").states(world, task, chosen, None)
    assert fast.settled.tolist() == slow.settled.tolist()
    assert fast.stopped == slow.stopped
    for name in ("log_prob", "entropy", "margin", "commit_log_prob"):
        assert np.array_equal(getattr(fast.trace, name), getattr(slow.trace, name))


def test_speculation_needs_few_passes_where_the_text_can_be_foreseen() -> None:
    world = copy_world(loyalty=0.99)
    task = Task(tokens_of(range(FIRST_WORD, FIRST_WORD + 4)), None, 0, STOP, FORBID, MASK)
    *_, slow = sampler("next-token").states(world, task, Settings(max_tokens=90), None)
    *_, fast = sampler("speculate").states(world, task, Settings(max_tokens=90, block=16), None)
    assert slow.passes == 91
    assert fast.passes <= 91 / 5
