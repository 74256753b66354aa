"""The plain truth of a proposal, against hand-made distributions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from brain.backends.body import Choice
from brain.backends.choose import propose, scored_place
from brain.base.errors import InvalidInput

QUARTERS = np.log(np.array([[0.5, 0.25, 0.125, 0.125]], np.float32))
ROWS = np.zeros(1, np.float32)


def test_a_known_distribution_is_described_exactly():
    found = propose(QUARTERS, ROWS, Choice(), np.array([2]))
    assert found.token.tolist() == [0]
    assert found.log_prob[0] == pytest.approx(np.log(0.5))
    assert found.entropy[0] == pytest.approx(1.75 * np.log(2))
    assert found.margin[0] == pytest.approx(0.25)
    assert found.target_log_prob[0] == pytest.approx(np.log(0.125))


def test_a_forbidden_token_gives_its_share_to_the_others_but_not_to_targets():
    found = propose(QUARTERS, ROWS, Choice(forbid=(0,)), np.array([0]))
    assert found.token.tolist() == [1]
    assert found.log_prob[0] == pytest.approx(np.log(0.5))
    assert found.margin[0] == pytest.approx(0.25)
    assert found.target_log_prob[0] == pytest.approx(np.log(0.5))


def test_ties_go_to_the_lower_token():
    found = propose(np.array([[0, 3, 3, 1]], np.float32), ROWS, Choice(), None)
    assert (found.token.tolist(), found.margin[0]) == ([1], 0.0)
    assert np.isnan(found.target_log_prob[0])


@given(arrays(np.float32, (3, 17), elements=st.floats(-30, 30, width=32)), st.integers(0, 2**64 - 1))
def test_every_answer_is_a_probability(logits, seed):
    found = propose(logits, np.arange(3, dtype=np.float32), Choice(temperature=0.7, min_p=0.1, seed=seed), None)
    assert (found.log_prob <= 0).all()
    assert ((found.entropy >= 0) & (found.entropy <= np.log(17) + 1e-5)).all()
    assert ((found.margin >= 0) & (found.margin <= 1)).all()
    top = logits.astype(np.float64).max(1)
    chosen = logits[np.arange(3), found.token]
    assert (chosen >= top + np.log(0.1) - 1e-4).all()


def test_a_cold_draw_is_nearly_the_arg_max_and_a_hot_one_is_not():
    logits = np.repeat(QUARTERS, 400, 0)
    rows = np.arange(400, dtype=np.float32)
    cold, warm = (propose(logits, rows, Choice(temperature=t, seed=1), None).token for t in (0.05, 1.0))
    assert (cold == 0).mean() > 0.99
    assert (warm == 0).mean() == pytest.approx(0.5, abs=0.1)


def test_scores_that_are_no_numbers_are_refused():
    with pytest.raises(InvalidInput, match="finite"):
        propose(np.array([[0.0, np.nan]], np.float32), ROWS, Choice(), None)


@pytest.mark.parametrize(("row", "place"), [(0.0, 1), (7.0, 8), (2.4, 3), (2.5, 4), (-1.0, 0), (-3.5, -3)])
def test_a_row_speaks_of_the_next_place(row, place):
    assert scored_place(row) == place
