"""What vectors promise: length, sameness, nearness, and a name that changes with them."""

import hashlib
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brain.conditioning.embedding import HashedWords

EMBEDDER = HashedWords()


def nearness(a, b):
    first, second = EMBEDDER.embed([a, b])
    return float(first @ second)


@settings(deadline=None)
@given(st.text(max_size=200))
def test_every_text_has_a_finite_vector_of_length_one_or_nothing(text):
    [vector] = EMBEDDER.embed([text])
    assert vector.shape == (EMBEDDER.width,)
    assert vector.dtype == np.float32
    assert np.isfinite(vector).all()
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5) or not vector.any()


def test_a_text_has_the_same_vector_alone_in_company_and_in_another_process():
    texts = ["the sea is cold", "memories of a house", ""]
    together = EMBEDDER.embed(texts)
    for text, vector in zip(texts, together, strict=True):
        assert (EMBEDDER.embed([text])[0] == vector).all()
    program = "import sys, hashlib; from brain.conditioning.embedding import HashedWords\n"
    program += "print(hashlib.sha256(HashedWords().embed(sys.argv[1:]).tobytes()).hexdigest())"
    told = subprocess.run([sys.executable, "-c", program, *texts], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == hashlib.sha256(together.tobytes()).hexdigest()


def test_the_name_stands_for_these_very_vectors():
    """When this fails on purpose, the embedder needs another name: stores keep it."""
    [vector] = EMBEDDER.embed(["Zebras graze near the old lighthouse, zebras sleep."])
    places = np.flatnonzero(np.abs(vector) > 0.15)
    assert EMBEDDER.name == "hashed-words-1"
    assert places.tolist() == GOLDEN_PLACES
    assert vector[places] == pytest.approx(GOLDEN_VALUES, abs=1e-5)


GOLDEN_PLACES = [52, 288, 315, 456, 588, 694, 770, 849]
GOLDEN_VALUES = [-0.433213, 0.255862, -0.151624, 0.151624, 0.151624, 0.151624, -0.255862, -0.255862]


def test_texts_that_share_words_are_nearer_than_those_that_do_not():
    query = "where is the lighthouse"
    assert nearness(query, "The lighthouse stands on a rock.") > 0.3
    assert nearness(query, "Bread is baked in the morning.") < 0.1


def test_forms_of_a_word_and_slips_of_the_pen_are_near():
    assert nearness("memory", "memories") > 0.2
    assert nearness("lighthouse", "lihgthouse") > 0.15
    assert abs(nearness("memory", "lighthouse")) < 0.1
    assert nearness("LIGHTHOUSE", "lighthouse") == pytest.approx(1, abs=1e-5)


def test_common_words_make_nothing_near():
    assert nearness("it was in the house", "it was in the garden") < nearness("a red house", "the house was red")


def test_no_text_and_no_word_have_vectors_too():
    assert EMBEDDER.embed([]).shape == (0, EMBEDDER.width)
    assert not EMBEDDER.embed(["", " ", "?!…"]).any()


def test_a_word_without_end_is_taken():
    assert np.isfinite(EMBEDDER.embed(["x" * 65_536, "Ünïcödé " * 1000])).all()
