"""Promises of memories on disk as Python meets them; crashes and damage are tried in the skeleton's own tests."""

from __future__ import annotations

import contextlib
import threading

import numpy as np
import pytest

from brain.base.errors import Conflict, CorruptData, InvalidInput, NotFound, Unsupported
from brain.native.search import flat_top_k
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


def columns(numbers):
    ids = np.zeros((len(numbers), 16), np.uint8)
    ids[:, 15] = numbers
    vectors = np.repeat(np.array(numbers, np.float32)[:, None], WIDTH, axis=1)
    texts = [f"text {number} 🙂" for number in numbers]
    return ids, texts, vectors, np.array(numbers) * 1.5, ["here"] * len(numbers)


def told(found):
    return [(one.id, one.text, one.vector.tolist(), one.created_unix_s, one.source) for one in found]


def test_columns_are_kept_as_memories_are(store):
    assert store.append_columns(*columns([1, 2, 3])) == 3
    assert told(store.all()) == told([memory(1), memory(2), memory(3)])
    with pytest.raises(Conflict):
        store.append_columns(*columns([4, 3]))
    assert store.append_columns(*columns([])) == 3
    assert len(store) == 3


def test_columns_that_do_not_fit_together_are_refused_by_name(store):
    ids, texts, vectors, created, sources = columns([1, 2])
    for given, field in (
        ((ids[:, :15].copy(), texts, vectors, created, sources), "ids"),
        ((ids, texts[:1], vectors, created, sources), "texts"),
        ((ids, texts, vectors[:, :3].copy(), created, sources), "vectors"),
        ((ids, texts, vectors[:1].copy(), created, sources), "vectors"),
        ((ids, texts, vectors, created[:1].copy(), sources), "created_unix_s"),
        ((ids, texts, vectors, created, []), "sources"),
    ):
        with pytest.raises(InvalidInput) as caught:
            store.append_columns(*given)
        assert caught.value.field == field
    with pytest.raises(InvalidInput, match="finite"):
        store.append_columns(ids, texts, vectors, np.array([0.0, np.nan]), sources)
    assert len(store) == 0


def test_what_is_forgotten_now_is_in_no_file(store, tmp_path):
    store.append([memory(1), memory(2), memory(3)])
    held = store.snapshot()
    assert store.forget([(2).to_bytes(16, "big")], now=True) == 1
    files = [path.read_bytes() for path in (tmp_path / "store").iterdir()]
    assert not any(b"text 2" in content for content in files)
    assert any(b"text 3" in content for content in files)
    assert (len(store), len(held), held.row(1).text) == (2, 3, "text 2 🙂")
    assert store.row(1).id == held.ids()[2]
    assert held.get((2).to_bytes(16, "big")).created_unix_s == 3.0
    with pytest.raises(NotFound):
        store.forget([(2).to_bytes(16, "big")])
    with pytest.raises(InvalidInput):
        store.forget([b"short"])
    with pytest.raises(NotFound):
        held.row(3)


def test_forgetting_later_is_forgetting_and_compacting_takes_the_bytes(store, tmp_path):
    store.append([memory(1), memory(2)])
    assert store.forget([(1).to_bytes(16, "big")]) == 1
    log = tmp_path / "store" / "log"
    assert b"text 1" in log.read_bytes()
    assert store.compact() > 0
    assert b"text 1" not in log.read_bytes()


def test_opening_tells_what_it_found(tmp_path):
    store = Store.open(tmp_path, "letters/1", WIDTH)
    store.append([memory(1), memory(2)])
    store.seal()
    store.append([memory(3)])
    store.forget([(1).to_bytes(16, "big")])
    store.close()
    with (tmp_path / "log").open("ab") as log:
        log.write(b"torn by a crash")
    again = Store.open(tmp_path, "letters/1", WIDTH)
    found = again.recovery
    assert (found.segments, found.frames, found.memories, found.forgotten) == (1, 2, 2, 1)
    assert (found.dropped_bytes, found.marked, again.dropped_bytes) == (15, True, 15)
    assert found.sound_bytes == (tmp_path / "log").stat().st_size
    again.close()


@pytest.mark.parametrize("form", ["arrow", "parquet"])
def test_an_export_can_be_imported_and_read_by_pyarrow(store, tmp_path, form):
    store.append([memory(1), memory(2)])
    path = tmp_path / f"out.{form}"
    assert store.export(path, form) == 2
    assert path.stat().st_mode & 0o077 == 0
    with pytest.raises(Conflict):
        store.export(path, form)
    other = Store.open(tmp_path / "other", "letters/1", WIDTH)
    assert other.import_(path) == 2
    assert told(other.all()) == told(store.all())
    other.close()
    arrow = pytest.importorskip("pyarrow")
    if form == "parquet":
        table = pytest.importorskip("pyarrow.parquet").read_table(path)
    else:
        table = arrow.ipc.open_stream(path).read_all()
    assert table.schema.metadata[b"embedder"] == b"letters/1"
    assert table.column("text").to_pylist() == ["text 1 🙂", "text 2 🙂"]
    assert table.column("id").to_pylist() == [one.id for one in (memory(1), memory(2))]
    assert table.column("vector").to_pylist() == [[1.0] * WIDTH, [2.0] * WIDTH]


def test_a_parquet_file_of_pyarrow_can_be_imported(store, tmp_path):
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    fields = [
        arrow.field("id", arrow.binary(16)),
        arrow.field("text", arrow.string()),
        arrow.field("vector", arrow.list_(arrow.float32())),
        arrow.field("created_unix_s", arrow.float64()),
        arrow.field("source", arrow.string()),
    ]
    schema = arrow.schema(fields, metadata={"embedder": "letters/1"})
    one = memory(7)
    row = {"id": one.id, "text": one.text, "vector": one.vector.tolist(), "created_unix_s": 10.5, "source": "here"}
    parquet.write_table(arrow.Table.from_pylist([row, {**row, "id": bytes(16)}], schema), tmp_path / "in.parquet")
    assert store.import_(tmp_path / "in.parquet") == 2
    assert told([store.get(one.id)]) == told([one])
    parquet.write_table(arrow.Table.from_pylist([{**row, "text": None}], schema), tmp_path / "null.parquet")
    with pytest.raises(CorruptData):
        store.import_(tmp_path / "null.parquet")
    with pytest.raises(InvalidInput):
        store.export(tmp_path / "x", "csv")


def test_blocks_are_the_same_vectors_where_they_lie_and_are_searched_as_one(tmp_path):
    width, many = 256, 1500
    vectors = np.random.default_rng(3).standard_normal((2 * many + 1, width), np.float32)
    ids = np.zeros((len(vectors), 16), np.uint8)
    ids[:, 14:] = np.arange(len(vectors), dtype=">u2")[:, None].view(np.uint8)

    def keep(store, rows):
        words = [""] * len(ids[rows])
        store.append_columns(ids[rows], words, vectors[rows], np.zeros(len(words)), words)

    with contextlib.closing(Store.open(tmp_path / "many", "letters/1", width)) as store:
        keep(store, slice(0, many))
        keep(store, slice(many, many + 1))
        keep(store, slice(many + 1, None))
    store = Store.open(tmp_path / "many", "letters/1", width)
    blocks = store.blocks()
    assert [len(block) for block in blocks] == [many, 1, many]
    assert np.array_equal(np.concatenate(blocks), vectors)
    assert np.array_equal(store.vectors(), vectors)
    query, allow = vectors[many], np.arange(len(vectors)) % 3 != 1
    for metric in ("cosine", "l2"):
        found, wanted = (flat_top_k(query, rows, 7, metric, allow) for rows in (blocks, vectors))
        assert found[0].tolist() == wanted[0].tolist()
        assert found[1].tolist() == wanted[1].tolist()
    with pytest.raises(InvalidInput, match="vectors"):
        flat_top_k(query, [blocks[0], blocks[1][:, :-1].copy()], 7)
    store.forget([row.tobytes() for row in ids[::2]], now=True)
    store.close()
    assert np.array_equal(np.concatenate(blocks), vectors)
    again = Store.open(tmp_path / "many", "letters/1", width)
    assert np.array_equal(np.concatenate(again.blocks()), vectors[1::2])
    again.close()


def test_no_blocks_hold_no_neighbours(store):
    assert store.blocks() == []
    assert flat_top_k(np.ones(WIDTH, np.float32), store.blocks(), 3)[0].tolist() == []
