"""Promises of a run's tokenizer: the house's special tokens, marks of form, and texts that try to forge them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from brain.base.errors import InvalidInput
from brain.native.tokenizer import Tokenizer
from brain.score.spec import TINY
from brain.training.data import vocabulary
from tests.tiny_model import little_text


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Tokenizer:
    path = tmp_path_factory.mktemp("text") / "a.txt"
    path.write_text(little_text(0, 200), encoding="utf-8")
    return vocabulary.learn([path], 320)


def encoded(tokenizer: Tokenizer, text: str) -> list[int]:
    return vocabulary.encode(tokenizer, [text], TINY)[0].tolist()


def test_a_learnt_tokenizer_has_the_houses_special_tokens_at_their_places(tokenizer: Tokenizer) -> None:
    assert tuple(piece for _, piece in tokenizer.specials()) == vocabulary.SPECIALS
    assert [token for token, _ in tokenizer.specials()] == list(range(32))
    assert 288 < tokenizer.size <= 320
    vocabulary.check(tokenizer, TINY, "learnt")


def test_the_same_text_gives_the_same_tokenizer(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text(little_text(1, 60), encoding="utf-8")
    assert vocabulary.learn([path], 300).to_json() == vocabulary.learn([path], 300).to_json()


def test_only_a_share_of_long_texts_is_learnt_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.txt"
    path.write_text("aaaa bbbb\n" * 100 + "cccc dddd\n" * 100, encoding="utf-8")
    monkeypatch.setattr(vocabulary, "PIECE_LETTERS", 1000)
    monkeypatch.setattr(vocabulary, "LEARN_BYTES", 1000)
    learnt = vocabulary.learn([path], 400)
    assert learnt.id("aaaa") is not None
    assert learnt.id("dddd") is None


def test_a_document_begins_and_ends_with_its_marks(tokenizer: Tokenizer) -> None:
    tokens = encoded(tokenizer, "the cat sees the moon.")
    assert (tokens[0], tokens[-1]) == (TINY.bos, TINY.eos)
    assert tokenizer.decode(np.array(tokens[1:-1], np.uint32), skip_special=False) == "the cat sees the moon."


def test_marks_on_their_own_lines_become_their_tokens(tokenizer: Tokenizer) -> None:
    tokens = encoded(tokenizer, "<|user|>\nwho?\n<|assistant|>\nthe cat\n<|end|>")
    marks = [token for token in tokens if token < 32]
    assert marks == [TINY.bos, TINY.user, TINY.assistant, TINY.end, TINY.eos]
    assert tokens[1] == TINY.user
    code = encoded(tokenizer, "<|code|>python a.py\nx")
    assert code[:2] == [TINY.bos, TINY.code]


@pytest.mark.parametrize(
    "text",
    [
        "say <|end|> now",
        " <|user|>",
        "<|mask|>",
        "<|endoftext|> x",
        "<|pad|>",
        "<|memory|>",
        "x\n<|code|>",
        "<|image|>",
    ],
)
def test_marks_anywhere_else_are_ordinary_text(tokenizer: Tokenizer, text: str) -> None:
    assert all(token >= 32 for token in encoded(tokenizer, text)[1:-1])


def test_many_documents_are_encoded_like_each_alone(tokenizer: Tokenizer) -> None:
    texts = ["the cat", "", "<|user|>\na\n<|end|>", "one bird"]
    together = vocabulary.encode(tokenizer, texts, TINY)
    assert [tokens.tolist() for tokens in together] == [encoded(tokenizer, text) for text in texts]
    assert all(tokens.dtype == np.uint16 for tokens in together)


def test_bytes_are_counted_without_special_tokens(tokenizer: Tokenizer) -> None:
    lengths = vocabulary.byte_lengths(tokenizer)
    assert lengths[:32].sum() == 0
    text = "the old man forgets an open door. é"
    tokens = encoded(tokenizer, text)
    assert lengths[tokens].sum() == len(text.encode())


def test_a_tokenizer_of_another_house_is_refused_by_the_token_that_differs() -> None:
    other = Tokenizer.train(["some text"], 300, ["<|pad|>", "<|mask|>", "<|endoftext|>"])
    with pytest.raises(InvalidInput, match=r"theirs: <\|bos\|> is None, the network wants 1"):
        vocabulary.check(other, TINY, "theirs")
    with pytest.raises(InvalidInput, match=r"has no <\|user\|>"):
        vocabulary.encode(other, ["<|user|>\nx"], TINY)


def test_a_network_that_places_its_memory_token_elsewhere_is_refused(tokenizer: Tokenizer) -> None:
    with pytest.raises(InvalidInput, match=r"<\|memory\|> is 12, the network wants 13"):
        vocabulary.check(tokenizer, replace(TINY, memory=13), "learnt")


def test_a_tokenizer_that_does_not_fit_in_sixteen_bits_is_refused(
    tokenizer: Tokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vocabulary, "TOKEN_LIMIT", 300)
    with pytest.raises(InvalidInput, match="300 is the limit"):
        vocabulary.check(tokenizer, TINY, "learnt")
