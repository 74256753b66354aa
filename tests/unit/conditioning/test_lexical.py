"""BM25 over words, its fusion with nearness over a real store, and embedders by name."""

import math
import sys
import types

import numpy as np
import pytest

from brain.base.clock import HandClock
from brain.base.errors import InvalidInput, NotFound, Unsupported
from brain.base.settings import DaemonSettings
from brain.conditioning import providers
from brain.conditioning.embedding import HashedWords
from brain.conditioning.fused import FusedRows
from brain.conditioning.lexical import WordIndex, words
from brain.conditioning.memory import Memories, open_store
from brain.native.storage import Memory, Store

EMBEDDER = HashedWords()


def index(*texts):
    made = WordIndex()
    for text in texts:
        made.add(text)
    return made


def test_a_score_is_bm25_by_hand():
    scores = index("red red fish", "blue bird").scores("red")
    rarity = math.log(1 + (2 - 1 + 0.5) / (1 + 0.5))
    assert scores[0] == pytest.approx(rarity * 2 * 2.2 / (2 + 1.2 * (0.25 + 0.75 * 3 / 2.5)), rel=1e-6)
    assert scores[1] == 0


def test_plurals_meet_their_singulars_and_case_does_not_matter():
    assert words("Cities boxes cats bus glass IS") == ["city", "boxe", "cat", "bus", "glass", "is"]
    assert index("two Memories").scores("memory")[0] > 0


def test_no_text_and_no_shared_word_score_nothing():
    assert len(index().scores("a")) == 0
    assert not index("one", "").scores("two ?!").any()


@pytest.fixture
def store(tmp_path):
    made = Store.open(tmp_path, EMBEDDER.name, EMBEDDER.width)
    yield made
    made.close()


def keep(store, *texts):
    vectors = EMBEDDER.embed(texts)
    start = len(store)
    pairs = enumerate(zip(texts, vectors, strict=True), start)
    store.append([Memory(at.to_bytes(16, "big"), text, vector, 0.0, "") for at, (text, vector) in pairs])


def test_a_rare_word_in_a_long_text_is_found_though_the_vector_hides_it(store):
    keep(store, "quux " + " ".join(f"filler{n}" for n in range(300)), *(f"quxx sheet {n}" for n in range(80)))
    vector = EMBEDDER.embed(["quux"])[0]
    near = np.arange(1, 51, dtype=np.int64)
    rows, cosines = FusedRows().order(store.snapshot(), "quux", vector, (near, np.full(50, 0.05, np.float32)), 3)
    assert rows[0] == 0
    assert cosines[0] == pytest.approx(float(EMBEDDER.embed([store.row(0).text])[0] @ vector), abs=1e-6)


def test_rows_that_come_later_are_found_too(store):
    fused = FusedRows()
    keep(store, "first words")
    vector = EMBEDDER.embed(["zebra"])[0]
    nothing = np.zeros(0, np.int64), np.zeros(0, np.float32)
    assert len(fused.order(store.snapshot(), "zebra", vector, nothing, 5)[0]) == 0
    keep(store, "a zebra crosses")
    assert fused.order(store.snapshot(), "zebra", vector, nothing, 5)[0].tolist() == [1]


def test_recall_puts_the_text_with_the_queries_words_first(tmp_path):
    memories = Memories(open_store(tmp_path / "m", EMBEDDER), EMBEDDER, HandClock(0.0), tmp_path / "m")
    memories.remember([("my sister Ada plays the oboe in Lisbon", ""), ("what we ate in Rome", "")])
    assert memories.recall("which instrument does Ada play", 1)[0].text.startswith("my sister Ada")
    memories.close()


class Point:
    """An entry point that gives what it was told."""

    value = "package:call"

    def __init__(self, name, made):
        self.name, self._made = name, made

    def load(self):
        return lambda: self._made


def offered(monkeypatch, *points):
    def found(group, name=None):
        assert group == "aios.embedders"
        return [point for point in points if name in (None, point.name)]

    monkeypatch.setattr(providers, "entry_points", found)


def test_embedders_are_found_by_name(monkeypatch):
    mine = HashedWords()
    offered(monkeypatch, Point("mine", mine), Point("wrong", 3))
    assert isinstance(providers.embedder("hashed-words-1"), HashedWords)
    assert providers.embedder("mine") is mine
    assert providers.names() == ["hashed-words-1", "mine", "wrong"]
    with pytest.raises(InvalidInput):
        providers.embedder("wrong")
    with pytest.raises(NotFound) as caught:
        providers.embedder("none")
    assert "mine" in caught.value.hint


class Table:
    """What the library gives for a folder."""

    dim = 4

    @classmethod
    def from_pretrained(cls, folder):
        return cls()

    def encode(self, texts):
        return np.array([[len(text), 0, 0, 0] for text in texts], np.float64)


def test_a_folder_is_an_embedder_named_by_its_table(monkeypatch, tmp_path):
    library = types.ModuleType("model2vec")
    library.StaticModel = Table
    monkeypatch.setitem(sys.modules, "model2vec", library)
    with pytest.raises(NotFound):
        providers.embedder(f"folder:{tmp_path}")
    (tmp_path / "model.safetensors").write_bytes(b"one")
    first = providers.embedder(f"folder:{tmp_path}")
    assert first.width == 4
    assert first.embed(["abc", ""]).tolist() == [[1, 0, 0, 0], [0, 0, 0, 0]]
    (tmp_path / "model.safetensors").write_bytes(b"two")
    assert providers.embedder(f"folder:{tmp_path}").name != first.name


def test_the_settings_default_is_the_embedder_that_is_built_in():
    assert DaemonSettings().embedder == providers.BUILT_IN == providers.embedder(DaemonSettings().embedder).name


def test_a_folder_that_is_not_named_from_the_root_is_refused(monkeypatch, tmp_path):
    with pytest.raises(InvalidInput, match="root") as caught:
        providers.embedder("folder:model")
    assert caught.value.field == "embedder"
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setitem(sys.modules, "model2vec", types.ModuleType("model2vec"))
    with pytest.raises(NotFound, match=str(tmp_path)):
        providers.embedder("folder:~/model")


def test_a_folder_without_its_library_is_unsupported(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "model2vec", None)
    with pytest.raises(Unsupported):
        providers.embedder(f"folder:{tmp_path}")
