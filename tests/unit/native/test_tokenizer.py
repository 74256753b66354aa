"""Promises of the tokenizer as Python meets it: ids, round trips, streams, training."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brain.base.errors import Conflict, InvalidInput
from brain.native.tokenizer import StreamDecoder, Tokenizer

ROOT = Path(__file__).resolve().parents[3]
SHIPPED = Tokenizer.open(ROOT / "brain/pretrained/base/tokenizer.json")
ENCODABLE = st.text(st.characters(exclude_categories=["Cs"]))


def test_the_golden_texts_have_the_golden_ids():
    golden = json.loads((ROOT / "tests/parity/golden/golden.tokens.json").read_text(encoding="utf-8"))
    for text, ids in golden:
        assert SHIPPED.encode(text, specials=True).tolist() == ids
        assert SHIPPED.decode(np.array(ids, np.uint32), skip_special=False) == text


@given(ENCODABLE)
@settings(max_examples=200, deadline=None)
def test_any_text_decodes_to_itself_and_names_no_special_token(text):
    ids = SHIPPED.encode(text)
    assert ids.dtype == np.uint32
    assert SHIPPED.decode(ids) == text
    assert not any(SHIPPED.is_special(int(token)) for token in ids)


def test_a_text_cannot_smuggle_a_special_token_but_a_template_can_write_one():
    assert 6 not in SHIPPED.encode("<|end|>")
    assert SHIPPED.encode("<|end|>", specials=True).tolist() == [6]
    assert SHIPPED.decode(np.array([6], np.uint32)) == ""
    assert SHIPPED.decode(np.array([6], np.uint32), skip_special=False) == "<|end|>"


@given(st.lists(ENCODABLE, max_size=5))
@settings(max_examples=50, deadline=None)
def test_a_batch_is_the_texts_one_by_one(texts):
    batch = SHIPPED.encode_batch(texts)
    assert [ids.tolist() for ids in batch] == [SHIPPED.encode(text).tolist() for text in texts]


@given(st.lists(st.integers(0, SHIPPED.size - 1), max_size=60), st.integers(1, 5), st.booleans())
@settings(max_examples=200, deadline=None)
def test_a_stream_joined_is_the_decoded_whole(ids, step, skip):
    decoder = StreamDecoder(SHIPPED, skip_special=skip)
    array = np.array(ids, np.uint32)
    cuts = [*range(0, len(ids), step), len(ids)]
    parts = [decoder.push(array[start:stop]) for start, stop in pairwise(cuts)]
    assert "".join(parts) + decoder.finish() == SHIPPED.decode(array, skip_special=skip)


def test_a_stream_holds_a_character_back_until_it_is_whole():
    decoder = StreamDecoder(SHIPPED)
    bytes_of_smile = [SHIPPED.byte_ids()[byte] for byte in "🙂".encode()]
    parts = [decoder.push(np.array([token], np.uint32)) for token in bytes_of_smile]
    assert parts == ["", "", "", "🙂"]
    assert decoder.push(np.array(bytes_of_smile[:2], np.uint32)) == ""
    assert decoder.finish() == "\ufffd"


def test_every_byte_has_its_own_token():
    ids = SHIPPED.byte_ids()
    assert [SHIPPED.token_bytes(int(token)) for token in ids] == [bytes([byte]) for byte in range(256)]


def test_the_special_tokens_are_the_first_ids():
    specials = SHIPPED.specials()
    assert [token for token, _ in specials] == list(range(32))
    assert all(SHIPPED.id(name) == token for token, name in specials)
    assert SHIPPED.id("no such piece") is None
    assert SHIPPED.size == 8192


def test_a_trained_tokenizer_has_its_special_tokens_first_and_survives_its_own_file():
    names = [name for _, name in SHIPPED.specials()]
    trained = Tokenizer.train((f"the cat number {i} sat" for i in range(50)), 320, names)
    assert trained.specials() == SHIPPED.specials()
    assert trained.size <= 320
    again = Tokenizer.from_bytes(trained.to_json().encode())
    text = "the cat sat <|end|> 日本"
    assert again.encode(text).tolist() == trained.encode(text).tolist()
    ours, shipped = json.loads(trained.to_json()), json.loads(SHIPPED.to_json())
    assert {key: ours[key] for key in ("pre_tokenizer", "decoder", "normalizer", "added_tokens")} == {
        key: shipped[key] for key in ("pre_tokenizer", "decoder", "normalizer", "added_tokens")
    }


def test_a_vocabulary_too_small_and_a_name_given_twice_are_refused():
    with pytest.raises(InvalidInput, match="vocabulary"):
        Tokenizer.train([], 255, [])
    with pytest.raises(Conflict, match="twice"):
        Tokenizer.train([], 300, ["<|a|>", "<|a|>"])


@pytest.mark.parametrize("token", [-1, 8192, 2**32, 2**70])
def test_an_unknown_token_is_refused_by_name(token):
    with pytest.raises(InvalidInput, match="token") as caught:
        SHIPPED.token_bytes(token)
    assert str(token) in str(caught.value)


def test_a_lone_surrogate_is_refused():
    with pytest.raises(InvalidInput, match="surrogate"):
        SHIPPED.encode("\ud800")


@given(ENCODABLE)
@settings(max_examples=60)
def test_spans_are_whole_characters_in_order_and_cover_the_text(text):
    ids, spans = SHIPPED.encode_spans(text)
    whole = text.encode()
    assert ids.tolist() == SHIPPED.encode(text).tolist()
    assert spans.shape == (len(ids), 2)
    covered = bytearray(len(whole))
    for start, end in spans.tolist():
        whole[start:end].decode()
        covered[start:end] = b"\1" * (end - start)
    assert all(covered)


def test_the_shipped_file_is_cut_by_our_own_code():
    assert SHIPPED.is_native
