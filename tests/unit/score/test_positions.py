"""Where places stand, by the rules of MODEL.md section 2."""

from __future__ import annotations

import numpy as np
import pytest

from brain.base.errors import InvalidInput
from brain.score import positions


def test_text_counts_on_in_both_numbers():
    rows, columns = positions.text(5, 3)
    assert rows.tolist() == columns.tolist() == [5, 6, 7]
    assert rows.dtype == columns.dtype == np.float32


def test_a_picture_stands_in_rows_and_columns_after_its_caption():
    rows, columns = positions.image(7, 3)
    assert rows.tolist() == [7, 7, 7, 8, 8, 8, 9, 9, 9]
    assert columns.tolist() == [7, 8, 9, 7, 8, 9, 7, 8, 9]


def test_words_run_beside_their_sound():
    words, _ = positions.audio_caption(4, 10)
    sound, _ = positions.audio(4, 10)
    assert words.tolist() == [0, 2.5, 5, 7.5]
    assert sound.tolist() == list(range(10))


def test_a_plan_goes_on_counting():
    assert positions.plan(6, 2)[0].tolist() == [6, 7]


def test_no_places_is_an_answer():
    for rows, columns in (positions.text(3, 0), positions.image(3, 0), positions.audio_caption(0, 9)):
        assert (rows.shape, columns.shape) == ((0,), (0,))


@pytest.mark.parametrize("call", [positions.text, positions.image, positions.audio_caption, positions.plan])
def test_a_negative_number_of_places_is_refused(call):
    for arguments in ((-1, 4), (4, -1)):
        with pytest.raises(InvalidInput, match="-1"):
            call(*arguments)
