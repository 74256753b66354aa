"""Promises of a plan: what it refuses, how far a run is, and that it comes back from a checkpoint as it was."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from brain.base.errors import CorruptData, InvalidInput
from brain.training.plan import RECIPES, Plan
from tests.tiny_model import MITE

PLAN = Plan(recipe=MITE, data=(Path("/texts"), Path("/more")), minutes=2.5, seed=7, init=Path("/model"))


def test_a_plan_comes_back_from_json_as_it_was() -> None:
    for plan in (PLAN, replace(PLAN, minutes=None, steps=3, init=None, tokenizer=Path("/t.json"), precision="bf16")):
        assert Plan.from_json(plan.to_json()) == plan


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"recipe": 3}', '{"recipe": {"spec": {}}}'])
def test_a_plan_that_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(CorruptData):
        Plan.from_json(text)


def test_a_plan_with_an_unknown_key_is_refused() -> None:
    with pytest.raises(CorruptData, match="plan of a checkpoint"):
        Plan.from_json(json.dumps({**json.loads(PLAN.to_json()), "extra": 1}))


@pytest.mark.parametrize(
    "change",
    [
        {"steps": 5},
        {"minutes": None},
        {"minutes": 0.0},
        {"minutes": math.inf},
        {"minutes": math.nan},
        {"seed": -1},
        {"seed": 1 << 64},
        {"precision": "fp4"},
        {"data": ()},
        {"tokenizer": Path("/t.json")},
    ],
)
def test_contradictions_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        replace(PLAN, **change)


@pytest.mark.parametrize(
    "change", [{"window": 0}, {"pairs": 0}, {"fills": 0}, {"accumulate": 0}, {"blocks": (3,)}, {"blocks": (128,)}]
)
def test_recipes_that_no_step_could_do_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        replace(MITE, **change)


def test_progress_counts_steps_or_minutes_and_ends_at_one() -> None:
    by_steps = replace(PLAN, minutes=None, steps=4)
    assert [by_steps.progress(step, 1e9) for step in (0, 1, 4, 9)] == [0, 0.25, 1, 1]
    assert [PLAN.progress(10**9, spent) for spent in (0, 75, 150, 1000)] == [0, 0.5, 1, 1]
    assert (by_steps.length, PLAN.length) == ("4 steps", "2.5 minutes")


def test_every_recipe_of_the_command_can_be_run() -> None:
    assert set(RECIPES) == {"tiny", "base", "large"}
    for name, recipe in RECIPES.items():
        assert recipe.name == recipe.spec.name == name
        assert recipe.least_tokens == recipe.window + 2
        assert recipe.tokens_a_step == recipe.pairs * recipe.window
