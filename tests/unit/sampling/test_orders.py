"""Promises of the orders in which masked places open."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from brain.base.errors import InvalidInput
from brain.base.messages import ORDERS as NAMES
from brain.sampling.discrete.orders import ORDERS, Look, order

CHANCE = np.random.default_rng(0)


def look(log_prob: list[float], entropy: list[float], margin: list[float], count: int, bound: float = 0.0) -> Look:
    return Look(*(np.array(one, dtype=np.float32) for one in (log_prob, entropy, margin)), count, bound)


LOOK = look([-3, -1, -2, -1], [0.5, 0.1, 2.0, 0.3], [0.2, 0.4, 0.9, 0.1], 2, 0.45)


@pytest.mark.parametrize(
    ("name", "picked"),
    [("confidence", [1, 3]), ("margin", [2, 1]), ("left-to-right", [0, 1]), ("entropy-bound", [1, 3, 0])],
)
def test_an_order_picks_what_its_name_says(name: str, picked: list[int]) -> None:
    assert order(name)(LOOK, CHANCE).tolist() == picked


def test_an_entropy_bound_of_nothing_still_opens_what_the_law_asks() -> None:
    assert order("entropy-bound")(look([0] * 3, [0.3, 0.2, 0.1], [0] * 3, 1), CHANCE).tolist() == [2]
    assert order("entropy-bound")(look([0] * 3, [0.3, 0.2, 0.1], [0] * 3, 2), CHANCE).tolist() == [2, 1]


def test_an_entropy_bound_opens_all_that_is_sure_at_once() -> None:
    assert len(order("entropy-bound")(look([0] * 5, [0.01] * 5, [0] * 5, 1, 0.5), CHANCE)) == 5


def test_a_random_order_takes_every_place_in_turn_with_equal_chance() -> None:
    chance = np.random.default_rng(1)
    picks = [int(order("random")(look([0] * 4, [0] * 4, [0] * 4, 1), chance)[0]) for _ in range(2000)]
    assert np.bincount(picks, minlength=4).min() > 400


@pytest.mark.parametrize("name", ORDERS)
@given(st.data(), st.integers(1, 12))
def test_every_order_picks_different_places_and_at_least_the_count(name: str, data: st.DataObject, n: int) -> None:
    floats = arrays(np.float32, n, elements=st.floats(0, 5, width=32))
    count = data.draw(st.integers(1, n))
    one = Look(-data.draw(floats), data.draw(floats), data.draw(floats), count, data.draw(st.floats(0, 9)))
    picked = order(name)(one, np.random.default_rng(0))
    assert len(set(picked.tolist())) == len(picked) >= count
    assert picked.min() >= 0
    assert picked.max() < n
    assert len(picked) == count or name == "entropy-bound"


def test_the_orders_are_those_that_a_caller_may_name() -> None:
    assert tuple(ORDERS) == NAMES
    with pytest.raises(InvalidInput, match="'backwards'"):
        order("backwards")
