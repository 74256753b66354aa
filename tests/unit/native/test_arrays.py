"""Promises of every array argument: wrong type, shape, order or alignment is refused by the argument's name."""

from __future__ import annotations

import numpy as np
import pytest

from brain.base.errors import InvalidInput
from brain.native.kernels import rms_norm
from brain.native.search import flat_top_k

GAIN = np.ones(4, np.float32)


def misaligned():
    """Eight floats that begin at an odd byte."""
    return np.frombuffer(bytes(33), np.uint8)[1:].view(np.float32).reshape(2, 4)


BAD = {
    "a list": ([[0.0] * 4] * 2, "list"),
    "nothing": (None, "NoneType"),
    "another type": (np.zeros((2, 4)), "float64"),
    "the other byte order": (np.zeros((2, 4), ">f4"), ">f4"),
    "too few dimensions": (np.zeros(4, np.float32), r"\[4\]"),
    "too many dimensions": (np.zeros((1, 2, 4), np.float32), r"\[1, 2, 4\]"),
    "columns first": (np.zeros((4, 2), np.float32).T, "C order"),
    "every other row": (np.zeros((4, 4), np.float32)[::2], "C order"),
    "backwards": (np.zeros((2, 4), np.float32)[::-1], "C order"),
    "an odd address": (misaligned(), "aligned"),
    "objects": (np.array([[None] * 4] * 2), "object"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_matrix_is_refused_by_name(case):
    array, told = BAD[case]
    with pytest.raises(InvalidInput, match=told) as caught:
        rms_norm(array, GAIN, 1e-6)
    assert caught.value.field == "x"


def test_a_bad_vector_is_refused_by_name():
    for bad in (np.ones(8, np.float32)[::2], np.ones((4, 1), np.float32), np.ones(4, np.float16)):
        with pytest.raises(InvalidInput) as caught:
            rms_norm(np.ones((2, 4), np.float32), bad, 1e-6)
        assert caught.value.field == "gain"


def test_a_read_only_array_is_as_good_as_any():
    x = np.ones((2, 4), np.float32)
    x.flags.writeable = False
    assert rms_norm(x, GAIN, 0.0).tolist() == [[1.0] * 4] * 2


def test_no_rows_give_no_rows():
    assert rms_norm(np.zeros((0, 4), np.float32), GAIN, 1e-6).shape == (0, 4)


@pytest.mark.parametrize("k", [-1, 2**64, 1.5, "3", None])
def test_a_bad_whole_number_is_refused_by_name(k):
    with pytest.raises(InvalidInput) as caught:
        flat_top_k(GAIN, np.ones((2, 4), np.float32), k)
    assert caught.value.field == "k"
