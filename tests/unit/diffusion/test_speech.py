"""Promises of speech: sentences one by one, each as long as the law says, and a WAV that a reader may hear early."""

import io
import wave

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from brain.base.errors import CorruptData, InvalidInput, Unsupported
from brain.base.messages import Speech
from brain.diffusion.duration import Durations, sentences
from brain.diffusion.speech import PAUSE_S, SAMPLE_RATE, say
from brain.score.folder import read_spec
from tests.canvases import AUDIO, asked, parts_in
from tests.models import BASE

LAW = Durations.of({"audio": AUDIO})
SHIPPED = Durations.of(read_spec(BASE).raw)


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    return parts_in(tmp_path_factory.mktemp("model") / "m")


def said(parts, text, **more):
    *states, last = say(parts, asked(Speech(text), **more), text, None)
    return states, last


def samples(data):
    with wave.open(io.BytesIO(data)) as found:
        assert (found.getnchannels(), found.getsampwidth(), found.getframerate()) == (1, 2, SAMPLE_RATE)
        return np.frombuffer(found.readframes(found.getnframes()), "<i2")


def test_a_sentence_is_as_long_as_the_law_says(parts):
    _, last = said(parts, "Good day.")
    assert len(samples(last.data)) == LAW.frames("Good day.") * 4
    assert (last.kind, last.media_type, last.uncertainty) == ("audio", "audio/wav", None)
    assert last.passes == 5


def test_sentences_are_said_one_after_another_with_a_pause_and_heard_early(parts):
    states, last = said(parts, "Good day. How are you?", watch=1)
    lengths = [LAW.frames(part) * 4 for part in ("Good day.", "How are you?")]
    pause = round(PAUSE_S * SAMPLE_RATE)
    whole = samples(last.data)
    assert len(whole) == sum(lengths) + pause
    assert not whole[lengths[0] : lengths[0] + pause].any()
    heard = [samples(state.preview) for state in states if state.preview]
    assert heard
    for early in heard:
        np.testing.assert_array_equal(early, whole[: lengths[0]])
    assert [state.step for state in states] == [1, 2, 3, 4, 4, 5, 6, 7, 8]
    assert {state.steps for state in states} == {8}
    assert last.passes == 10


def test_who_does_not_watch_is_sent_nothing_early(parts):
    assert not any(state.preview for state in said(parts, "Good day. How are you?")[0])


def test_a_seed_fixes_the_sound_and_two_equal_sentences_differ(parts):
    one, two, other = (said(parts, "Hey. Hey.", seed=seed)[1].data for seed in (1, 1, 2))
    assert one == two
    assert one != other
    whole = samples(one)
    length = LAW.frames("Hey.") * 4
    assert not np.array_equal(whole[:length], whole[-length:])


def test_the_shipped_law_is_near_the_lengths_that_it_was_fitted_to():
    # 16 ms a frame: an English sentence is said at some 15 letters a second.
    sentence = "The old man looked at the sea and went home."
    assert 1.5 < SHIPPED.frames(sentence) * 0.016 < 4.0
    assert SHIPPED.vectors(SHIPPED.frames(sentence)) <= SHIPPED.most_vectors


@given(st.text(st.sampled_from("abc dE12.,;!?\n%é"), max_size=400))
def test_every_part_fits_and_no_letter_is_lost(text):
    try:
        parts = sentences(text, SHIPPED)
    except InvalidInput:
        return
    assert all(SHIPPED.fits(part) for part in parts)
    letters = [mark for mark in text if mark.isascii() and mark.isalnum()]
    assert [mark for part in parts for mark in part if mark.isascii() and mark.isalnum()] == letters


def test_a_long_sentence_is_cut_behind_a_comma_where_there_is_one():
    text = "one two three four five six seven eight nine ten, " + "and then some more words that go on for a while " * 2
    first, *rest = sentences(text, SHIPPED)
    assert first.endswith("ten,")
    assert rest


def test_a_text_whose_sound_could_not_be_sent_is_refused_before_it_is_made(parts):
    with pytest.raises(InvalidInput, match=r"takes about \d+ s") as refused:
        said(parts, "One two three four five six. " * 150)
    assert refused.value.field == "text"


@pytest.mark.parametrize("text", ["...", "  \n", "?!"])
def test_a_text_without_words_is_refused(text):
    with pytest.raises(InvalidInput, match="nothing to say"):
        sentences(text, SHIPPED)


def test_a_word_too_long_to_be_said_is_refused_with_its_beginning():
    with pytest.raises(InvalidInput, match="aaaa"):
        sentences("a" * 200, SHIPPED)


def test_a_model_that_says_nothing_of_speech_or_says_it_wrongly_is_refused():
    with pytest.raises(Unsupported, match="how long"):
        Durations.of({})
    for broken in (
        {"frames_a_vector": 4},
        AUDIO | {"max_vectors": 0},
        AUDIO | {"duration": {"features": ["one"], "rich": {"coef": [1.0, 2.0]}}},
        AUDIO | {"duration": {"features": ["smell"], "rich": {"coef": [1.0]}}},
        AUDIO | {"duration": {"features": ["one"], "rich": {"coef": [float("nan")]}}},
    ):
        with pytest.raises(CorruptData, match="duration"):
            Durations.of({"audio": broken})
