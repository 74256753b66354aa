"""Promises of codes at the border: hits are exact hits, they grow and shrink, and hostile bytes are refused."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brain.base.errors import CorruptData, InvalidInput
from brain.native.search import Quantised, flat_top_k

METRICS = ("cosine", "inner_product", "l2")
CHANCE = np.random.default_rng(3)
VECTORS = CHANCE.standard_normal((2000, 40), np.float32)
QUERIES = CHANCE.standard_normal((7, 40), np.float32)


@pytest.mark.parametrize("metric", METRICS)
def test_at_the_greatest_effort_hits_are_those_of_the_exact_search(metric):
    index = Quantised.build(VECTORS, metric)
    allow = CHANCE.random(2000) < 0.6
    for query in QUERIES:
        for effort in (1e4, float("inf")):
            rows, scores = index.top_k(query, VECTORS, 9, allow, effort)
            wanted, best = flat_top_k(query, VECTORS, 9, metric, allow)
            assert (rows.dtype, scores.dtype) == (np.int64, np.float32)
            assert rows.tolist() == wanted.tolist()
            assert scores.tolist() == best.tolist()
    assert (index.width, index.metric, len(index), index.removed) == (40, metric, 2000, 0)


@pytest.mark.parametrize("threads", [1, 2])
def test_a_batch_gives_what_each_query_gives(threads):
    index = Quantised.build(VECTORS, threads=threads)
    rows, scores = index.top_k(QUERIES, VECTORS, 6)
    assert rows.shape == scores.shape == (7, 6)
    for query, found, near in zip(QUERIES, rows, scores, strict=True):
        alone = index.top_k(query, VECTORS, 6)
        assert (found.tolist(), near.tolist()) == (alone[0].tolist(), alone[1].tolist())
    assert index.top_k(QUERIES[:0], VECTORS, 6)[0].shape == (0, 0)
    assert index.top_k(QUERIES, VECTORS, 0)[0].shape == (7, 0)
    assert index.top_k(QUERIES, VECTORS, 6, np.arange(2000) < 2)[0].shape == (7, 2)


@given(st.lists(st.integers(0, 90), min_size=1, max_size=5), st.sets(st.integers(0, 89), max_size=30))
@settings(max_examples=30, deadline=None)
def test_appending_is_building_and_removing_is_a_filter(parts, gone):
    index, total = Quantised.build(VECTORS[:0]), sum(parts)
    for at, part in zip(np.cumsum([0, *parts]), parts, strict=False):
        index.append(VECTORS[at : at + part])
    some = VECTORS[:total]
    assert index.to_bytes() == Quantised.build(some).to_bytes()
    gone = {row for row in gone if row < total}
    index.remove(sorted(gone))
    again = Quantised.from_bytes(index.to_bytes())
    left = np.array([row not in gone for row in range(total)], bool)
    for one in (index, again):
        assert (len(one), one.removed) == (total, len(gone))
        wanted = flat_top_k(QUERIES[0], some, 5, allow=left)[0]
        assert one.top_k(QUERIES[0], some, 5)[0].tolist() == wanted.tolist()


def test_bytes_that_are_not_ours_are_refused():
    good = Quantised.build(VECTORS[:9]).to_bytes()
    for bad in (b"", good[:-1], good + b"\0", b"x" * len(good), bytes(len(good))):
        with pytest.raises(CorruptData):
            Quantised.from_bytes(bad)
    for at in range(0, len(good), 37):
        with pytest.raises(CorruptData):
            Quantised.from_bytes(good[:at] + bytes([good[at] ^ 16]) + good[at + 1 :])


def test_what_cannot_be_is_refused_and_changes_nothing():
    index = Quantised.build(VECTORS)
    query, far = QUERIES[0], np.full((1, 40), 3e38, np.float32)
    refused = [
        ("vectors", lambda: index.append(VECTORS[:, :39].copy())),
        ("squared length of row 2000", lambda: index.append(far)),
        ("row to remove", lambda: index.remove([3, 2000])),
        ("rows", lambda: index.remove([-1])),
        ("vectors", lambda: index.top_k(query, VECTORS[:-1], 1)),
        ("vectors", lambda: index.top_k(query, VECTORS[:, :39].copy(), 1)),
        ("query", lambda: index.top_k(query[:-1], VECTORS, 1)),
        ("query", lambda: index.top_k(QUERIES[:, :39].copy(), VECTORS, 1)),
        ("query", lambda: index.top_k(query.astype(np.float64), VECTORS, 1)),
        ("query", lambda: index.top_k(query * np.float32(np.nan), VECTORS, 1)),
        ("filter", lambda: index.top_k(query, VECTORS, 1, np.ones(3, bool))),
        ("effort", lambda: index.top_k(query, VECTORS, 1, effort=-1.0)),
        ("metric", lambda: Quantised.build(VECTORS, "manhattan")),
        ("width", lambda: Quantised.build(VECTORS[:, :0].copy())),
        ("threads", lambda: Quantised.build(VECTORS, threads=0)),
    ]
    for name, call in refused:
        with pytest.raises(InvalidInput, match=name):
            call()
    assert (len(index), index.removed) == (2000, 0)
    assert index.to_bytes() == Quantised.build(VECTORS).to_bytes()


def test_threads_that_search_and_append_at_once_see_whole_rows_only():
    index, failed = Quantised.build(VECTORS[:1000]), []

    def look():
        for _ in range(200):
            count = len(index)
            try:
                rows, _ = index.top_k(QUERIES[0], VECTORS[:count], 3)
            except InvalidInput:
                continue
            if len(rows) != 3 or rows.max() >= count:
                failed.append(rows)

    lookers = [threading.Thread(target=look) for _ in range(3)]
    for one in lookers:
        one.start()
    for at in range(1000, 2000, 10):
        index.append(VECTORS[at : at + 10])
    for one in lookers:
        one.join()
    assert not failed
    assert index.to_bytes() == Quantised.build(VECTORS).to_bytes()
