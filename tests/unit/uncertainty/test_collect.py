"""Promises of the evidence on held-out text, over a world whose truth is known, and of the fit on it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from brain.backends.body import Choice, Tokens
from brain.base.errors import InvalidInput
from brain.base.messages import Settings
from brain.sampling.contract import Task
from brain.sampling.registry import sampler
from brain.uncertainty.calibration import Calibration
from brain.uncertainty.collect import APART, BLOCK, FIRST, WAYS, Seen, read
from brain.uncertainty.estimator import token_uncertainty
from brain.uncertainty.fit import Marks, fit
from tests.worlds import FIRST_WORD, ChainWorld, markov_world, tokens_of

MARKS = Marks(stop=(2,), forbid=(0, 1, 3))
GREEDY = Choice(forbid=MARKS.forbid)


def text_of(world: ChainWorld, seed: int, size: int) -> Tokens:
    task = Task(tokens_of([1]), None, 0, (), (0, 1, 2, 3), 3)
    *_, last = sampler("next-token").states(world, task, Settings(temperature=1.0, seed=seed, max_tokens=size), None)
    return np.concatenate([tokens_of([1]), last.settled])


def seen_by(way: str, world: ChainWorld, text: Tokens, choice: Choice = GREEDY) -> list[Seen]:
    return list(WAYS[way](read(world, text, choice, np.random.default_rng(0))))


@pytest.fixture(name="world")
def _world() -> Iterator[ChainWorld]:
    made = markov_world(words=6, seed=4, stop_chance=0.0)
    for word in range(FIRST_WORD, FIRST_WORD + 3):
        made.transition[word] *= 0.05
        made.transition[word, word + 3] += 0.95
    yield made


@pytest.mark.parametrize("way", WAYS)
class TestEveryWay:
    def test_the_truth_is_the_texts_own_and_every_field_is_as_long(self, way: str, world: ChainWorld) -> None:
        text = text_of(world, 1, 60)
        parts = seen_by(way, world, text)
        for part in parts:
            assert len({len(field) for field in vars(part).values()}) == 1
        truth = np.concatenate([part.truth for part in parts]).tolist()
        if way != "fill":
            assert truth == text[FIRST + 1 :].tolist()
        else:
            assert FIRST + len(truth) + APART * len(parts) >= len(text)

    def test_greedy_choices_are_as_sure_as_they_say(self, way: str, world: ChainWorld) -> None:
        texts = [text_of(world, seed, 120) for seed in range(12)]
        seen = [part for text in texts for part in seen_by(way, world, text)]
        right = np.concatenate([part.choice == part.truth for part in seen])
        said = np.exp(np.concatenate([part.log_prob for part in seen]))
        assert right.mean() == pytest.approx(said.mean(), abs=4 * np.sqrt(0.25 / len(right)))


def test_rounds_of_speculation_settle_what_generation_would(world: ChainWorld) -> None:
    text = text_of(world, 2, 80)
    for part in seen_by("speculate", world, text):
        drafted = ~np.isnan(part.draft_log_prob)
        assert (part.changes[drafted] == 0).all()
        assert (part.choice[:-1] == part.truth[:-1]).all()
        assert drafted[:-1].all()
        assert np.array_equal(part.commit_log_prob, part.log_prob)
        assert len(part.truth) <= BLOCK


def test_speculation_has_the_same_laws_as_next_token(world: ChainWorld) -> None:
    text = text_of(world, 3, 70)
    (slow,) = seen_by("next-token", world, text)
    fast = np.concatenate([part.log_prob for part in seen_by("speculate", world, text)])
    assert np.array_equal(slow.log_prob, fast)
    assert np.isnan(slow.draft_log_prob).all()
    assert (slow.changes == 0).all()


def test_a_commit_speaks_of_the_choice_not_of_the_truth(world: ChainWorld) -> None:
    text = text_of(world, 5, 50)
    first = seen_by("block", world, text)[0]
    law = world.transition[text[FIRST : FIRST + len(first.choice)]]
    exact = np.log(law[np.arange(len(first.choice)), first.choice])
    assert first.commit_log_prob == pytest.approx(exact, abs=1e-5)


def test_a_fit_gives_every_way_a_table_that_holds_on_texts_it_never_saw(world: ChainWorld) -> None:
    texts = [text_of(world, seed, 100) for seed in range(24)]
    said: list[str] = []
    tables = fit(world, texts, MARKS, 0, said.append)
    assert set(tables) == set(WAYS)
    assert len(said) == len(WAYS)
    for table in tables.values():
        assert table.figures["ece"] < 0.08
        assert table.figures["auroc"] > 0.6
        assert table.figures["sampled_ece"] < 0.12
    fresh = text_of(world, 99, 400)
    (seen,) = seen_by("next-token", world, fresh)
    chance = token_uncertainty(seen, Calibration(tables, {}), "next-token")
    assert chance.mean() == pytest.approx((seen.choice != seen.truth).mean(), abs=0.1)


def test_too_little_text_is_refused(world: ChainWorld) -> None:
    with pytest.raises(InvalidInput):
        fit(world, [], MARKS, 0, print)
    with pytest.raises(InvalidInput):
        fit(world, [text_of(world, 1, 50)], MARKS, 0, print)
