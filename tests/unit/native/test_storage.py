"""Promises of memories on disk as Python meets them; crashes and damage are tried in the skeleton's own tests."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from brain.base.errors import Conflict, InvalidInput, NotFound, Unsupported
from brain.native.storage import Memory, Store

WIDTH = 5


def memory(number, width=WIDTH):
    return Memory(
        number.to_bytes(16, "big"), f"text {number} 🙂", np.full(width, number, np.float32), 1.5 * number, "here"
    )


@pytest.fixture
def store(tmp_path):
    opened = Store.open(tmp_path / "store", "letters/1", WIDTH)
    yield opened
    opened.close()


def test_a_memory_is_what_it_was_made_of():
    one = memory(3)
    assert (one.id, one.text, one.created_unix_s, one.source) == ((3).to_bytes(16, "big"), "text 3 🙂", 4.5, "here")
    assert one.vector.tolist() == [3.0] * WIDTH


@pytest.mark.parametrize("memory_id", [b"", b"15 bytes of name", bytes(15), bytes(17)])
def test_an_id_of_another_length_is_refused(memory_id):
    if len(memory_id) == 16:
        assert Memory(memory_id, "", np.zeros(1, np.float32), 0.0, "").id == memory_id
        return
    with pytest.raises(InvalidInput, match="memory_id"):
        Memory(memory_id, "", np.zeros(1, np.float32), 0.0, "")


def test_what_was_kept_is_there_after_opening_again(tmp_path):
    first = Store.open(tmp_path / "store", "letters/1", WIDTH)
    assert first.append([memory(1), memory(2)]) == 2
    assert first.append([memory(9)]) == 3
    first.close()
    again = Store.open(tmp_path / "store", "letters/1", WIDTH)
    assert [one.text for one in again.all()] == ["text 1 🙂", "text 2 🙂", "text 9 🙂"]
    assert again.ids() == [number.to_bytes(16, "big") for number in (1, 2, 9)]
    assert again.get((9).to_bytes(16, "big")).created_unix_s == 13.5
    assert again.row(1).id == (2).to_bytes(16, "big")
    assert (len(again), again.embedder, again.width, again.dropped_bytes) == (3, "letters/1", WIDTH, 0)
    again.close()


def test_vectors_are_a_snapshot_that_nobody_can_change(store):
    store.append([memory(1)])
    before = store.vectors()
    store.append([memory(2)])
    assert before.tolist() == [[1.0] * WIDTH]
    assert store.vectors().shape == (2, WIDTH)
    store.close()
    assert before[0, 0] == 1.0
    with pytest.raises(ValueError, match="read-only"):
        before[0, 0] = 5.0


def test_an_empty_store_has_no_vectors_but_a_width(store):
    assert store.vectors().shape == (0, WIDTH)
    assert store.all() == []


def test_a_second_writer_is_refused_and_a_reader_is_not(store, tmp_path):
    with pytest.raises(Conflict):
        Store.open(tmp_path / "store", "letters/1", WIDTH)
    reader = Store.open(tmp_path / "store", "letters/1", WIDTH, writer=False)
    store.append([memory(4)])
    assert len(reader) == 0
    assert reader.refresh() == 1
    assert reader.row(0).text == "text 4 🙂"
    assert store.refresh() == 0
    with pytest.raises(Unsupported):
        reader.append([memory(5)])


def test_another_embedder_or_width_is_refused(store, tmp_path):
    for embedder, width in (("letters/2", WIDTH), ("letters/1", WIDTH + 1)):
        with pytest.raises(Conflict, match="letters/1"):
            Store.open(tmp_path / "store", embedder, width, writer=False)


def test_bad_memories_are_refused_together_and_leave_the_store_as_it_was(store):
    store.append([memory(1)])
    with pytest.raises(InvalidInput, match="vector"):
        store.append([memory(2), memory(3, width=4)])
    with pytest.raises(Conflict):
        store.append([memory(2), memory(1)])
    assert len(store) == 1


def test_what_is_not_there_is_named(store, tmp_path):
    with pytest.raises(NotFound):
        store.get(bytes(16))
    with pytest.raises(NotFound, match="7"):
        store.row(7)
    with pytest.raises(NotFound):
        Store.open(tmp_path / "none", "letters/1", WIDTH, writer=False)


def test_a_closed_store_gives_its_lock_back_and_refuses_everything_else(tmp_path):
    store = Store.open(tmp_path / "store", "letters/1", WIDTH)
    store.close()
    store.close()
    uses = (lambda: len(store), store.all, store.vectors, lambda: store.append([]), lambda: store.width, store.ids)
    for use in uses:
        with pytest.raises(Conflict, match="closed"):
            use()
    Store.open(tmp_path / "store", "letters/1", WIDTH).close()


def test_many_threads_may_append_at_once(store):
    threads = [threading.Thread(target=lambda n=n: store.append([memory(n)])) for n in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(int.from_bytes(name, "big") for name in store.ids()) == list(range(12))
