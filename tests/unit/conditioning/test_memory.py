"""Remembering and recalling over a real store, and what of it a model is shown."""

import pytest

from brain.base.clock import HandClock
from brain.base.errors import AiosError, Conflict
from brain.base.reports import Memory
from brain.conditioning.embedding import HashedWords
from brain.conditioning.memory import Memories, open_store
from brain.conditioning.retrieval import retrieve
from brain.native.storage import Store
from brain.native.tokenizer import Tokenizer
from tests.house.source import ROOT

EMBEDDER = HashedWords()


@pytest.fixture
def clock():
    return HandClock(1000.0)


@pytest.fixture
def memories(tmp_path, clock):
    made = Memories(open_store(tmp_path / "m", EMBEDDER), EMBEDDER, clock, tmp_path / "m")
    yield made
    made.close()


@pytest.fixture(scope="module")
def tokenizer():
    return Tokenizer.open(ROOT / "brain" / "pretrained" / "base" / "tokenizer.json")


def test_what_was_remembered_is_recalled_by_the_next_call_nearest_first(memories, clock):
    names = memories.remember([("The lighthouse stands on a rock.", "a.txt"), ("Bread is baked at dawn.", "")])
    clock.advance(5)
    [third] = memories.remember([("A lighthouse keeper bakes bread.", "b.txt")])
    found = memories.recall("who bakes bread", 3)
    assert found[0].name == third
    assert {memory.name for memory in found} == {*names, third}
    assert [memory.similarity for memory in found] == sorted((m.similarity for m in found), reverse=True)
    assert (found[0].source, found[0].created_unix_s) == ("b.txt", 1005.0)
    assert len(memories) == 3
    assert memories.disk_bytes() > 0


def test_no_more_is_returned_than_asked_or_than_there_is(memories):
    assert memories.recall("anything", 5) == []
    memories.remember([(f"fact {number}", "") for number in range(4)])
    assert len(memories.recall("fact", 2)) == 2
    assert len(memories.recall("fact", 50)) == 4
    assert memories.recall("fact", 0) == []


def test_a_query_or_a_memory_without_words_does_no_harm(memories):
    memories.remember([("…", ""), ("\0", ""), ("words", "")])
    assert len(memories.recall("?!", 3)) == 3
    assert memories.recall("words", 1)[0].text == "words"


def test_memories_outlive_the_process_that_kept_them(tmp_path, clock):
    first = Memories(open_store(tmp_path, EMBEDDER), EMBEDDER, clock, tmp_path)
    [name] = first.remember([("kept\nacross é lines", "s")])
    first.close()
    second = Memories(open_store(tmp_path, EMBEDDER), EMBEDDER, clock, tmp_path)
    [found] = second.recall("kept", 1)
    assert (found.name, found.text, found.source) == (name, "kept\nacross é lines", "s")
    second.close()


def test_a_store_of_another_embedder_is_refused_with_a_hint(tmp_path):
    Store.open(tmp_path, "another", EMBEDDER.width).close()
    with pytest.raises(Conflict) as caught:
        open_store(tmp_path, EMBEDDER)
    assert "another" in caught.value.message
    assert caught.value.hint


def test_a_second_writer_is_refused(memories, tmp_path):
    with pytest.raises(AiosError):
        open_store(tmp_path / "m", EMBEDDER)


def test_a_closed_store_remembers_nothing(tmp_path, clock):
    made = Memories(open_store(tmp_path, EMBEDDER), EMBEDDER, clock, tmp_path)
    made.close()
    with pytest.raises(AiosError):
        made.remember([("too late", "")])


class Found:
    """A recaller that finds what it was given."""

    def __init__(self, *pairs):
        self.found = [Memory(f"memories/{i}", text, "", 0.0, near) for i, (text, near) in enumerate(pairs)]

    def recall(self, query, limit):
        return self.found[:limit]


def test_memories_are_shown_nearest_first_within_a_bound_of_tokens(tokenizer):
    long = "a lighthouse on a rock " * 100
    shown = retrieve(Found(("short one", 0.9), (long, 0.8), ("never seen", 0.7)), tokenizer, "q", 3, tokens=50)
    assert shown.names == ("memories/0", "memories/1")
    assert shown.texts[0] == "short one"
    assert long.startswith(shown.texts[1])
    assert sum(len(tokenizer.encode(text)) for text in shown.texts) <= 50


def test_what_shares_nothing_with_the_query_is_not_shown(tokenizer):
    shown = retrieve(Found(("near", 0.5), ("far", 0.01)), tokenizer, "q", 5)
    assert shown.texts == ("near",)


def test_nothing_is_asked_when_no_memory_is_wanted(tokenizer):
    assert retrieve(Found(("near", 0.5)), tokenizer, "q", 0).texts == ()


def test_a_cut_memory_ends_with_a_whole_character(tokenizer):
    text = "Ж🌊" * 400
    [shown] = retrieve(Found((text, 0.9)), tokenizer, "q", 1, tokens=37).texts
    assert text.startswith(shown)
    assert shown
