"""Codes beside a store find what the exact search finds, and are made anew whenever they are not the store's."""

import numpy as np
import pytest

from brain.conditioning.near import FILE, NearRows
from brain.native.search import Quantised, flat_top_k
from brain.native.storage import Memory, Store

WIDTH, FEW = 48, 300
CHANCE = np.random.default_rng(5)
VECTORS = CHANCE.standard_normal((900, WIDTH), np.float32)
QUERY = CHANCE.standard_normal(WIDTH, np.float32)


def keep(store, vectors, first=0):
    store.append([Memory(bytes([7]) * 14 + (first + i).to_bytes(2), "", v, 0.0, "") for i, v in enumerate(vectors)])


@pytest.fixture
def store(tmp_path):
    made = Store.open(tmp_path, "drawn", WIDTH)
    yield made
    made.close()


def same(near, store):
    vectors = store.vectors()
    rows, scores = near.nearest(store.snapshot(), QUERY, 5)
    wanted, best = flat_top_k(QUERY, vectors, 5)
    return rows.tolist() == wanted.tolist() and scores.tolist() == best.tolist()


@pytest.fixture
def counted(monkeypatch):
    """How many rows were encoded from the first on."""
    builds = []

    class Counted:
        from_bytes = staticmethod(Quantised.from_bytes)

        @staticmethod
        def build(vectors):
            builds.append(len(vectors))
            return Quantised.build(vectors)

    monkeypatch.setattr("brain.conditioning.near.Quantised", Counted)
    return builds


def test_few_rows_keep_no_codes(store, tmp_path):
    keep(store, VECTORS[: FEW - 1])
    near = NearRows(tmp_path, FEW)
    assert same(near, store)
    near.save()
    assert not (tmp_path / FILE).exists()


def test_a_new_row_is_found_by_the_next_query_and_nothing_is_encoded_twice(store, tmp_path, counted):
    near = NearRows(tmp_path, FEW)
    keep(store, VECTORS[:FEW])
    assert same(near, store)
    for at in range(FEW, 600, 50):
        keep(store, VECTORS[at : at + 50], at)
        assert same(near, store)
    keep(store, [QUERY], 600)
    assert near.nearest(store.snapshot(), QUERY, 1)[0].tolist() == [600]
    assert counted == [FEW]


def test_codes_are_used_again_after_a_new_start_and_grow_from_there(store, tmp_path, counted):
    keep(store, VECTORS[:400])
    first = NearRows(tmp_path, FEW)
    assert same(first, store)
    keep(store, VECTORS[400:450], 400)
    assert same(first, store)
    first.save()
    keep(store, VECTORS[450:600], 450)
    assert same(NearRows(tmp_path, FEW), store)
    assert counted == [400]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda good: b"",
        lambda good: good[:-1],
        lambda good: good[:200] + bytes([good[200] ^ 1]) + good[201:],
        lambda good: b"another " + good[8:],
        lambda good: good[:16] + bytes(16) + good[32:],
        lambda good: good[:32] + Quantised.build(VECTORS[:400, :-1].copy()).to_bytes(),
        lambda good: good[:32] + Quantised.build(VECTORS[:400], "l2").to_bytes(),
        lambda good: good[:32] + Quantised.build(VECTORS[:0]).to_bytes(),
        lambda good: good[:32] + Quantised.build(VECTORS).to_bytes(),
    ],
)
def test_a_file_that_is_not_of_this_store_is_made_anew(store, tmp_path, counted, spoil):
    keep(store, VECTORS[:400])
    assert same(NearRows(tmp_path, FEW), store)
    file = tmp_path / FILE
    good = file.read_bytes()
    file.write_bytes(spoil(good))
    counted.clear()
    assert same(NearRows(tmp_path, FEW), store)
    assert counted == [400]
    assert file.read_bytes() == good


def test_what_was_dropped_is_gone_from_the_disk_and_made_anew(store, tmp_path, counted):
    keep(store, VECTORS[:400])
    near = NearRows(tmp_path, FEW)
    assert same(near, store)
    with near.dropped():
        assert not (tmp_path / FILE).exists()
    with near.dropped():
        pass
    assert same(near, store)
    assert counted == [400, 400]


def test_a_folder_that_cannot_be_written_refuses_no_query(store, tmp_path):
    keep(store, VECTORS[:400])
    near = NearRows(tmp_path / "nowhere", FEW)
    assert same(near, store)
    near.save()
    assert not (tmp_path / "nowhere").exists()
