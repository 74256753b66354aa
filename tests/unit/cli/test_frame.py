"""Promises of brain/cli/frame.py: what a terminal shows, and what a model's text can never do to it."""

import re

from hypothesis import given
from hypothesis import strategies as st

from brain.base.messages import Place
from brain.cli.frame import MASKED, Run, finished, live, rows
from brain.cli.shade import Word

SGR = re.compile(r"\x1b\[[0-9;]*m")


def plain(row):
    return SGR.sub("", row)


@given(st.text(alphabet=st.characters(codec="ascii", exclude_characters="\t"), max_size=200), st.integers(8, 60))
def test_no_row_is_wider_than_the_terminal_and_no_character_is_lost(text, width):
    made = rows([Run(text)], width)
    assert all(len(row) <= width for row in made)
    pictured = "".join(chr(0x2400 + ord(c)) if ord(c) < 0x20 and c != "\n" else c for c in text).replace("\x7f", "␡")
    assert "".join("".join(made).split()) == "".join(pictured.replace("\n", " ").split())


@given(st.text(max_size=80))
def test_no_text_can_move_the_cursor(text):
    for row in rows([Run(text)], 20):
        assert not re.search(r"[\x00-\x1f\x7f-\x9f]", row)


def test_an_escape_sequence_of_a_model_is_shown_and_not_obeyed():
    assert rows([Run("a\x1b[2Jb")], 40) == ["a␛[2Jb"]


def test_words_are_kept_whole_and_long_ones_cut():
    assert rows([Run("the old man looked")], 9) == ["the old", "man", "looked"]
    assert rows([Run("abcdefghij")], 8) == ["abcdefgh", "ij"]


def test_wide_characters_take_two_cells():
    assert rows([Run("日本語日本語")], 8) == ["日本語日", "本語"]


def test_newlines_begin_rows_also_empty_ones():
    assert rows([Run("a\n\nb")], 10) == ["a", "", "b"]


def test_styles_are_closed_where_a_row_ends():
    made = rows([Run("aaaaaaaa", "\x1b[2m"), Run("bb")], 8)
    assert [plain(row) for row in made] == ["aaaaaaaa", "bb"]
    assert made[0].endswith("\x1b[0m")
    assert made[1] == "bb"


def test_a_live_canvas_shows_closed_places_and_open_ones_apart():
    canvas = (Place("", True, 0.0), Place(" sea", False, 0.9), Place(" lay", False, 0.1))
    runs = live("P", " settled", canvas)
    assert [run.text for run in runs] == ["P", " settled", MASKED, " sea", " lay"]
    assert runs[3].style != runs[4].style
    assert runs[3].style.startswith("\x1b[4m")


def test_a_finished_text_is_shaded_by_word():
    runs = finished("P", [Word(" sure", 0.0), Word(" guess", 0.99)])
    assert runs[1].style == ""
    assert runs[2].style != ""
