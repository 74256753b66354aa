"""Promises of the writer: pieces are the text, no half character is ever shown."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from brain.diffusion.text import Writer
from tests.worlds import ByteVocabulary, tokens_of

WORDS = ByteVocabulary()
STOP, MASK = (2, 6), 3


def writer() -> Writer:
    return Writer(WORDS, STOP, MASK)


@given(st.text(), st.integers(1, 5))
def test_however_it_comes_the_text_is_whole_and_the_pieces_joined(text: str, stride: int) -> None:
    one, tokens = writer(), WORDS.encode(text)
    for end in range(0, len(tokens) + stride, stride):
        one.extend(tokens[:end])
        assert text.startswith(one.text)
    one.finish()
    assert one.text == "".join(one.pieces) == text
    assert len(one.pieces) == len(tokens)


def test_a_character_split_over_tokens_stands_with_the_last_of_them() -> None:
    one = writer()
    one.extend(WORDS.encode("a€"))
    assert one.pieces == ["a", "", "", "€"]


@given(st.binary(max_size=12))
def test_bytes_that_are_no_text_become_the_replacement_character(data: bytes) -> None:
    one = writer()
    one.extend(tokens_of([13 + byte for byte in data]))
    one.finish()
    assert one.text == data.decode("utf-8", "replace")


def test_a_canvas_goes_on_after_the_settled_text_and_leaves_it_alone() -> None:
    one, euro = writer(), WORDS.encode("€")
    one.extend(euro[:2])
    canvas = np.concatenate([euro[2:], tokens_of([MASK, STOP[0]]), WORDS.encode("b")])
    places = one.canvas(canvas, np.array([0.5, 0.0, 0.25, 1.0], dtype=np.float32))
    assert [(place.text, place.masked, place.confidence) for place in places] == [
        ("€", False, 0.5),
        ("", True, 0.0),
        ("", False, 0.25),
        ("b", False, 1.0),
    ]
    assert one.text == ""
    one.extend(euro)
    assert one.text == "€"


def test_a_half_character_before_a_mask_is_not_shown() -> None:
    canvas = np.concatenate([WORDS.encode("€")[:2], tokens_of([MASK]), WORDS.encode("c")])
    assert [place.text for place in writer().canvas(canvas, np.zeros(4, dtype=np.float32))] == ["", "", "", "c"]
