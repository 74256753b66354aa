"""Promises of quantisation as Python meets it; the numbers themselves are promised in the skeleton."""

from __future__ import annotations

import numpy as np
import pytest

from brain.base.errors import InvalidInput, NotFound, Unsupported
from brain.native.quant import dequantise, int2_from_codes, int2_to_codes, quantise, relative_error, schemes

X = np.random.default_rng(3).standard_normal((32, 192), np.float32)
RULES = {
    ("int2.g64.r16", "mean_abs"): 0.36,
    ("int2.g64.r16", "deviation"): 0.36,
    ("int2.g64.r16", "least_squares"): 0.34,
    ("int4.g64", "range"): 0.13,
    ("int4.g64", "least_squares"): 0.12,
    ("int8.row", "range"): 0.01,
}


def test_the_schemes_are_those_of_files():
    assert schemes()[:3] == ["int2.g64.r16", "int4.g64", "int8.row"]
    assert len(set(schemes())) == 18


@pytest.mark.parametrize(("scheme", "rule"), RULES)
def test_a_scheme_comes_back_within_its_error(scheme, rule):
    packed, scales = quantise(X, scheme, rule)
    assert (packed.dtype, scales.dtype) == (np.uint8, np.float16)
    y = dequantise(packed, scales, *X.shape, scheme)
    assert y.shape == X.shape
    assert 0.0 < relative_error(X, y) < RULES[scheme, rule]


def test_int2_codes_keep_every_number_on_their_way_there_and_back():
    codes = np.random.default_rng(1).integers(0, 256, (32, 48), np.uint8)
    scales = np.random.default_rng(2).random((32, 3)).astype(np.float16)
    packed, tiled = int2_from_codes(codes, scales)
    plain = (np.stack([codes >> 2 * i & 3 for i in range(4)], -1).reshape(32, 192) - np.float32(1.5)) * np.repeat(
        scales.astype(np.float32), 64, axis=1
    )
    assert np.array_equal(dequantise(packed, tiled, 32, 192, "int2.g64.r16"), plain)
    again, scales_again = int2_to_codes(packed, tiled, 32, 192)
    assert np.array_equal(again, codes)
    assert np.array_equal(scales_again, scales)


def test_errors_of_matrices_are_measured_as_numpy_measures_them():
    y = X + np.float32(0.25)
    assert relative_error(X, y) == pytest.approx(np.linalg.norm(X - y) / np.linalg.norm(X), rel=1e-6)
    assert relative_error(X, X) == 0.0
    assert relative_error(np.zeros_like(X), X) == np.inf


def test_what_cannot_be_packed_is_refused():
    with pytest.raises(NotFound, match="int3"):
        quantise(X, "int3", "range")
    with pytest.raises(NotFound, match="guess"):
        quantise(X, "int4.g64", "guess")
    with pytest.raises(Unsupported, match="int8"):
        quantise(X, "int8.row", "mean_abs")
    with pytest.raises(InvalidInput, match="columns"):
        quantise(X[:, :100].copy(), "int2.g64.r16", "mean_abs")
    with pytest.raises(InvalidInput, match="finite"):
        quantise(np.full((16, 64), np.nan, np.float32), "int2.g64.r16", "mean_abs")
    with pytest.raises(InvalidInput, match="y"):
        relative_error(X, X[:16].copy())


@pytest.mark.parametrize("rows", [-1, 0, 16, 2**63, 2**64])
def test_sizes_that_do_not_fit_the_bytes_are_refused(rows):
    packed, scales = quantise(X, "int2.g64.r16", "mean_abs")
    with pytest.raises(InvalidInput):
        dequantise(packed, scales, rows, 192, "int2.g64.r16")
    with pytest.raises(InvalidInput):
        int2_to_codes(packed, scales, rows, 192)
