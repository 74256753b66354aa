"""Promises of a run's text as tokens: what is trained on, what is held out, and folders that cannot be used."""

from __future__ import annotations

from pathlib import Path

import pytest

from brain.base.errors import CorruptData, InvalidInput, NotFound
from brain.native.tokenizer import Tokenizer
from brain.score.spec import TINY
from brain.training.data import tokens
from brain.training.data.tokens import TokenData, find, tokenise
from brain.training.data.vocabulary import SPECIALS
from tests.tiny_model import little_data, little_text

TOKENIZER = Tokenizer.train([little_text(0, 100)], 320, SPECIALS)


def read(folder: Path, least: int) -> TokenData:
    return tokenise(find([folder]), TOKENIZER, TINY, least, lambda line: None)


def test_held_out_files_never_enter_the_training_stream(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("the cat sees the moon.", encoding="utf-8")
    (tmp_path / "a.val.txt").write_text("xyzzy", encoding="utf-8")
    data = read(tmp_path, 5)
    training, held_out = (TOKENIZER.decode(of.astype("uint32")) for of in (data.training, data.held_out))
    assert (training, held_out) == ("the cat sees the moon.", "xyzzy")
    assert not data.tail
    assert [(source.name.split("/")[1], source.held_out) for source in data.sources] == [
        ("a.txt", False),
        ("a.val.txt", True),
    ]


def test_starts_mark_every_document_and_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "BATCH_LETTERS", 50)
    data = read(little_data(tmp_path, 0), 66)
    assert len(data.starts) == 51
    assert data.starts[-1] == len(data.training)
    assert (data.training[data.starts[:-1]] == TINY.bos).all()
    assert (data.training[data.starts[1:] - 1] == TINY.eos).all()


def test_without_held_out_files_the_end_of_the_text_is_held_out(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(little_text(0, 600), encoding="utf-8")
    data = read(tmp_path, 66)
    whole = sum(source.tokens for source in data.sources)
    assert data.tail
    assert len(data.training) + len(data.held_out) == whole
    assert len(data.held_out) == pytest.approx(0.05 * whole, abs=1)
    assert data.starts[-1] == len(data.training)
    assert (data.starts[:-1] < len(data.training)).all()


def test_too_little_text_for_an_end_is_all_trained_on(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(little_text(0, 8), encoding="utf-8")
    data = read(tmp_path, 66)
    assert (len(data.held_out), data.tail) == (0, False)


def test_too_little_text_is_refused_with_how_much_is_needed(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("the cat", encoding="utf-8")
    with pytest.raises(InvalidInput, match=r"tokens of text; this recipe needs 258") as refused:
        read(tmp_path, 258)
    assert str(tmp_path) in str(refused.value)
    assert "bytes of text or more" in refused.value.hint


def test_a_folder_without_text_to_train_on_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="holds no text"):
        find([tmp_path])
    (tmp_path / "a.val.txt").write_text("held out", encoding="utf-8")
    with pytest.raises(InvalidInput, match="holds only held-out text"):
        find([tmp_path])
    with pytest.raises(NotFound, match="nowhere"):
        find([tmp_path / "nowhere"])


def test_a_hostile_file_is_refused_by_name(tmp_path: Path) -> None:
    little_data(tmp_path, 0)
    (tmp_path / "zz.txt").write_bytes(b"text \xfe")
    with pytest.raises(CorruptData, match=r"zz\.txt: byte 5"):
        read(tmp_path, 66)


def test_the_fingerprint_changes_with_any_text_or_name_and_with_nothing_else(tmp_path: Path) -> None:
    folder = little_data(tmp_path / "data", 0)
    first = find([folder]).fingerprint
    (folder / "picture.png").write_bytes(b"x")
    (folder / "little.txt").touch()
    assert find([folder]).fingerprint == first
    (folder / "little.val.txt").rename(folder / "other.val.txt")
    second = find([folder]).fingerprint
    (folder / "little.txt").write_text(little_text(9, 400), encoding="utf-8")
    assert len({first, second, find([folder]).fingerprint}) == 3


def test_notes_of_several_folders_carry_their_names(tmp_path: Path) -> None:
    for name in ("one", "two"):
        folder = little_data(tmp_path / name, 0)
        (folder / "SOURCE.md").write_text(f"licence of {name}", encoding="utf-8")
        (folder / "deep").mkdir()
        (folder / "deep" / "SOURCE.md").write_text("CC0", encoding="utf-8")
    texts = find([tmp_path / "one", tmp_path / "two"])
    assert [note.folder for note in texts.notes] == ["one", "one/deep", "two", "two/deep"]
    assert texts.files[0][0] == "one/little.txt"
    assert len(texts.training_paths) == 2
