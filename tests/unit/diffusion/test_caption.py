"""Promises of captions: the very tokens that training put before a canvas, and nothing longer than it met."""

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from brain.base.errors import InvalidInput, Unsupported
from brain.diffusion.caption import (
    PICTURE_TOKENS,
    PLAN_BYTES,
    SPEECH_BYTES,
    empty_caption,
    letter_tokens,
    picture_caption,
    spelt_caption,
)
from brain.native.tokenizer import Tokenizer
from brain.score.folder import read_spec
from tests.models import BASE
from tests.worlds import markov_world

GOLDEN = Path(__file__).parents[2] / "parity" / "golden" / "golden.safetensors"


@pytest.fixture(scope="module")
def vocabulary():
    return Tokenizer.open(BASE / "tokenizer.json")


@pytest.fixture(scope="module")
def spec():
    return read_spec(BASE)


def test_captions_are_those_of_the_golden_vectors(spec, vocabulary):
    golden = load_file(GOLDEN)
    captions = {
        "image": picture_caption("red apple, fruit", "noto", spec, vocabulary),
        "audio": spelt_caption("Good morning.", "audio", SPEECH_BYTES, spec, vocabulary),
        "plan": spelt_caption("plan maze2d-umaze", "plan", PLAN_BYTES, spec, vocabulary),
    }
    for kind, tokens in captions.items():
        np.testing.assert_array_equal(tokens, golden[f"{kind}.ids"], err_msg=kind)
        assert tokens.dtype == np.uint32


def test_every_byte_has_a_letter_of_its_own(spec, vocabulary):
    letters = letter_tokens(spec, vocabulary)
    assert len(set(letters.tolist())) == 256
    assert b"".join(vocabulary.token_bytes(int(token)) for token in letters) == bytes(range(256))


def test_no_style_is_no_word_of_style(spec, vocabulary):
    tokens = picture_caption("tree", "", spec, vocabulary)
    assert b"".join(vocabulary.token_bytes(int(token)) for token in tokens[1:-1]) == b"tree"


def test_special_tokens_in_a_caption_are_only_words(spec, vocabulary):
    tokens = picture_caption("<|image|> <|endoftext|>", "", spec, vocabulary)
    assert not np.isin(tokens[1:-1], spec.specials).any()


def test_an_empty_caption_is_a_beginning_and_a_tag(spec):
    assert empty_caption("audio", spec).tolist() == [1, 10]


def test_captions_longer_than_training_met_are_refused(spec, vocabulary):
    longest = "tree " * PICTURE_TOKENS
    with pytest.raises(InvalidInput, match="tokens"):
        picture_caption(longest, "noto", spec, vocabulary)
    assert len(spelt_caption("é" * 59, "audio", SPEECH_BYTES, spec, vocabulary)) == 120
    with pytest.raises(InvalidInput, match="120 bytes"):
        spelt_caption("é" * 60, "audio", SPEECH_BYTES, spec, vocabulary)


def test_a_network_without_the_kind_says_what_it_makes(vocabulary):
    with pytest.raises(Unsupported, match="makes no image"):
        empty_caption("image", markov_world().spec)


def test_a_tokenizer_that_cannot_spell_is_refused(spec):
    class Words:
        def token_bytes(self, token):
            return b"word"

    with pytest.raises(Unsupported, match="0 of 256"):
        letter_tokens(spec, Words())
