"""Remember and recall over a real socket: order, bounds, refusals."""

import threading
import uuid
from pathlib import Path

import pytest

from brain.base.errors import Conflict, CorruptData, InvalidInput, NotFound


def unique():
    return uuid.uuid4().hex


def test_memories_are_named_in_order_and_recalled_nearest_first(client):
    mark = unique()
    names = client.remember([(f"{mark} apples", "a.txt"), (f"{mark} pears", "")])
    assert len(set(names)) == 2
    assert all(name.startswith("memories/") for name in names)
    found = client.recall(f"{mark} pears", 2)
    assert [memory.name for memory in found] == names[::-1]
    assert found[0].similarity > found[1].similarity
    assert found[1].source == "a.txt"
    assert found[0].created_unix_s > 1.7e9


def test_no_limit_is_five(client):
    client.remember([(f"filling {number}", "") for number in range(8)])
    assert len(client.recall("filling", 0)) == 5
    assert len(client.recall("filling", 7)) == 7


@pytest.mark.parametrize(
    ("texts", "field"),
    [
        ([], "memories"),
        ([("x", "")] * 1025, "memories"),
        ([("", "")], "memories.text"),
        ([("kept?", ""), ("x" * 65_537, "")], "memories.text"),
        ([("x", "s" * 1025)], "memories.source"),
    ],
)
def test_what_cannot_be_kept_is_refused_whole(client, texts, field):
    before = client.status().memories
    with pytest.raises(InvalidInput) as caught:
        client.remember(texts)
    assert caught.value.field == field
    assert client.status().memories == before


def test_a_query_that_asks_nothing_or_too_much_is_refused(client):
    for query, limit, field in (("", 5, "query"), ("x" * 65_537, 5, "query"), ("x", 101, "limit")):
        with pytest.raises(InvalidInput) as caught:
            client.recall(query, limit)
        assert caught.value.field == field


def test_the_longest_texts_and_strange_ones_come_back_to_the_letter(client):
    mark = unique()
    texts = [mark + "x" * (65_536 - len(mark)), f"{mark}\0\n\r\t\u202e🌊é", f" {mark} "]
    client.remember([(text, "") for text in texts])
    assert {memory.text for memory in client.recall(mark, 100)} >= set(texts)


def test_many_writers_at_once_all_keep_their_own(paced_daemon):
    mark = unique()
    kept = {}

    def write(writer):
        with paced_daemon.client() as client:
            for number in range(5):
                [name] = client.remember([(f"{mark} {writer} {number}", "")])
                kept[name] = f"{mark} {writer} {number}"

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    with paced_daemon.client() as client:
        found = {memory.name: memory.text for memory in client.recall(mark, 100)}
    assert len(kept) == 30
    assert found.items() >= kept.items()


def test_what_is_forgotten_is_not_recalled_and_in_no_file(client, paced_daemon):
    mark = unique()
    names = client.remember([(f"{mark} one", ""), (f"{mark} two", "")])
    assert client.forget(names[:1]) == 1
    found = client.recall(f"{mark} one", 100)
    assert names[0] not in {memory.name for memory in found}
    assert names[1] in {memory.name for memory in found}
    held = [path.read_bytes() for path in paced_daemon.home.rglob("memories/*")]
    assert held
    assert not any(f"{mark} one".encode() in content for content in held)
    assert any(f"{mark} two".encode() in content for content in held)
    with pytest.raises(NotFound):
        client.forget([names[1], names[0]])
    assert names[1] in {memory.name for memory in client.recall(f"{mark} two", 5)}


@pytest.mark.parametrize("names", [[], ["memories/xyz"], ["memories/" + "0" * 30], ["memories/" + "0" * 32] * 1025])
def test_what_names_no_memory_is_refused(client, names):
    with pytest.raises(InvalidInput) as caught:
        client.forget(names)
    assert caught.value.field == "names"


@pytest.mark.parametrize("ending", [".parquet", ".arrow"])
def test_memories_go_out_and_come_in_again(client, tmp_path, ending):
    mark = unique()
    client.remember([(f"{mark} kept", "a.txt")])
    count = client.memory_stats().count
    path = tmp_path / f"all{ending}"
    assert client.export_memories(path) == count
    with pytest.raises(Conflict):
        client.import_memories(path)
    assert client.forget_all() == count
    assert (client.recall(mark, 5), client.memory_stats().count) == ([], 0)
    assert client.import_memories(path) == count
    [found] = client.recall(f"{mark} kept", 1)
    assert (found.text, found.source) == (f"{mark} kept", "a.txt")
    stats = client.memory_stats()
    assert (stats.count, stats.disk_bytes > 0, stats.width > 0) == (count, True, True)


def test_a_file_that_cannot_be_is_refused(client, tmp_path):
    for path, field in ((Path("relative.arrow"), "path"), (tmp_path / "x.csv", "path")):
        with pytest.raises(InvalidInput) as caught:
            client.export_memories(path)
        assert caught.value.field == field
    (tmp_path / "bad.arrow").write_bytes(b"no stream at all")
    with pytest.raises(CorruptData):
        client.import_memories(tmp_path / "bad.arrow")
