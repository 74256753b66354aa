"""Promises of brain/cli/shade.py."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brain.cli.shade import BANDS, band, legend, words

PIECES = st.lists(st.tuples(st.text(max_size=5), st.floats(0, 1)), max_size=30)


@given(PIECES)
def test_words_keep_every_character_in_order(pairs):
    made = words([piece for piece, _ in pairs], [doubt for _, doubt in pairs])
    assert "".join(word.text for word in made) == "".join(piece for piece, _ in pairs)


@given(PIECES)
def test_a_words_uncertainty_lies_between_those_of_its_tokens(pairs):
    doubts = [doubt for _, doubt in pairs]
    for word in words([piece for piece, _ in pairs], doubts):
        assert min(doubts) - 1e-9 <= word.uncertainty <= max(doubts) + 1e-9


def test_tokens_of_one_word_are_shaded_as_one():
    made = words([" the", " ext", "raord", "inary", "\n", "sea"], [0.1, 0.2, 0.4, 0.6, 0.0, 0.9])
    assert [word.text for word in made] == [" the", " extraordinary", "\n", "sea"]
    assert made[1].uncertainty == pytest.approx(0.4)


def test_lists_of_unequal_length_are_refused():
    with pytest.raises(ValueError, match="zip"):
        words(["a", "b"], [0.5])


@pytest.mark.parametrize(("doubt", "name"), [(0.0, "sure"), (0.25, "likely"), (0.6, "doubtful"), (1.0, "a guess")])
def test_every_uncertainty_has_its_band(doubt, name):
    assert band(doubt).name == name


def test_the_legend_names_every_band():
    assert all(found.name in legend() for found in BANDS)
