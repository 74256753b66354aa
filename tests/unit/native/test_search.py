"""Promises of exact search against NumPy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brain.base.errors import InvalidInput
from brain.native.search import flat_top_k

SCORES = {
    "cosine": lambda q, v: (v @ q) / np.maximum(np.linalg.norm(v, axis=1) * np.linalg.norm(q), 1e-30),
    "inner_product": lambda q, v: v @ q,
    "l2": lambda q, v: -((v - q) ** 2).sum(1),
}


@pytest.mark.parametrize("metric", SCORES)
@given(st.integers(0, 2**32 - 1), st.integers(1, 40), st.integers(1, 50))
@settings(max_examples=40, deadline=None)
def test_the_nearest_rows_are_the_nearest_by_brute_force(metric, seed, n, k):
    random = np.random.default_rng(seed)
    vectors, query = random.standard_normal((n, 24), np.float32), random.standard_normal(24, np.float32)
    rows, scores = flat_top_k(query, vectors, k, metric)
    wanted = SCORES[metric](query.astype(np.float64), vectors.astype(np.float64))
    assert (rows.dtype, scores.dtype) == (np.int64, np.float32)
    assert len(rows) == len(set(rows.tolist())) == min(k, n)
    assert np.allclose(scores, wanted[rows], atol=1e-4)
    assert np.allclose(scores, np.sort(wanted)[::-1][: len(rows)], atol=1e-4)


def test_ties_go_to_the_lower_row_and_a_filter_is_obeyed():
    vectors = np.ones((6, 3), np.float32)
    assert flat_top_k(vectors[0], vectors, 3)[0].tolist() == [0, 1, 2]
    allow = np.array([False, True, False, True, True, True])
    assert flat_top_k(vectors[0], vectors, 3, allow=allow)[0].tolist() == [1, 3, 4]
    assert flat_top_k(vectors[0], vectors, 3, allow=np.zeros(6, bool))[0].tolist() == []


def test_no_rows_and_no_hits_are_no_error():
    assert flat_top_k(np.ones(3, np.float32), np.zeros((0, 3), np.float32), 5)[0].shape == (0,)
    assert flat_top_k(np.ones(3, np.float32), np.ones((4, 3), np.float32), 0)[0].shape == (0,)
    assert len(flat_top_k(np.ones(3, np.float32), np.ones((4, 3), np.float32), 2**63)[0]) == 4


def test_shapes_words_and_numbers_that_cannot_be_are_refused():
    ones = np.ones((4, 3), np.float32)
    with pytest.raises(InvalidInput, match="query"):
        flat_top_k(np.ones(2, np.float32), ones, 1)
    with pytest.raises(InvalidInput, match="filter"):
        flat_top_k(ones[0], ones, 1, allow=np.ones(3, bool))
    with pytest.raises(InvalidInput, match="metric"):
        flat_top_k(ones[0], ones, 1, "manhattan")
    with pytest.raises(InvalidInput, match="finite"):
        flat_top_k(np.array([1, np.nan, 0], np.float32), ones, 1)
    with pytest.raises(InvalidInput, match="width"):
        flat_top_k(np.zeros(0, np.float32), np.zeros((4, 0), np.float32), 1)
