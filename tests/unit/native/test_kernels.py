"""Promises of the kernels against the mathematics written out in NumPy."""

from __future__ import annotations

import numpy as np
import pytest

from brain.base.errors import InvalidInput
from brain.native.kernels import act8, attend, cpu_level, matmul_int2, rms_norm, rope
from brain.native.quant import dequantise, quantise

RANDOM = np.random.default_rng(11)


def normal(*shape):
    return RANDOM.standard_normal(shape, np.float32)


def test_the_level_is_one_that_the_kernels_have():
    assert cpu_level() in {"scalar", "avx2", "avx512vnni", "neon"}


def test_int8_codes_follow_the_rule_of_training():
    x = normal(5, 192)
    codes, scales = act8(x)
    wanted = np.maximum(np.abs(x).max(1), np.float32(1e-5)) / np.float32(127)
    assert np.allclose(scales, wanted, rtol=1e-6)
    assert np.array_equal(codes, np.round(x / scales[:, None]).astype(np.int8))


@pytest.mark.parametrize("rows", [1, 3, 17])
def test_a_product_with_int2_is_that_of_the_matrix_it_stands_for(rows):
    x, w = normal(rows, 192), normal(48, 192)
    packed, scales = quantise(w, "int2.g64.r16", "mean_abs")
    plain = dequantise(packed, scales, 48, 192, "int2.g64.r16")
    assert np.allclose(matmul_int2(x, packed, scales, 48, "f32"), x @ plain.T, atol=1e-3)
    codes, steps = act8(x)
    rounded = codes.astype(np.float32) * steps[:, None]
    assert np.allclose(matmul_int2(x, packed, scales, 48), rounded @ plain.T, atol=1e-3)


def test_the_norm_is_the_root_mean_square():
    x, gain = normal(7, 128), normal(128)
    wanted = x / np.sqrt((x.astype(np.float64) ** 2).mean(1, keepdims=True) + 1e-6) * gain
    assert np.allclose(rms_norm(x, gain, 1e-6), wanted, atol=1e-5)


def test_even_pairs_turn_with_the_row_and_odd_ones_with_the_column():
    x, rows, columns = normal(4, 128), np.array([0, 1, 5, 300], np.float32), np.array([0, 2, 7, 100], np.float32)
    turned = rope(x, 2, rows, columns, 10000.0).reshape(4, 2, 2, 32)
    i = np.arange(32)
    angle = np.where(i % 2 == 0, rows[:, None], columns[:, None]) * 10000.0 ** (-i / 32)
    first, second = np.moveaxis(x.reshape(4, 2, 2, 32), 2, 0)
    cosine, sine = np.cos(angle)[:, None], np.sin(angle)[:, None]
    assert np.allclose(turned[:, :, 0], first * cosine - second * sine, atol=1e-5)
    assert np.allclose(turned[:, :, 1], first * sine + second * cosine, atol=1e-5)


def attention(q, keys, values, heads, kv, allowed):
    q = q.reshape(len(q), heads, 64)
    keys, values = (np.repeat(a.reshape(len(a), kv, 64), heads // kv, axis=1) for a in (keys, values))
    scores = np.where(allowed[:, None], np.einsum("mhd,nhd->mhn", q, keys) / 8, -np.inf)
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    return np.einsum("mhn,nhd->mhd", weights / weights.sum(-1, keepdims=True), values).reshape(len(q), -1)


@pytest.mark.parametrize("see", ["causal", "canvas"])
@pytest.mark.parametrize("prefix", [0, 9])
def test_attention_sees_the_prefix_and_of_its_pass_what_it_may(see, prefix):
    q, own = normal(6, 256), normal(2, 6, 128)
    keys, values = normal(2, prefix, 128)
    allowed = (
        np.arange(prefix + 6) <= (prefix + np.arange(6))[:, None] if see == "causal" else np.ones((6, prefix + 6), bool)
    )
    wanted = attention(q, np.concatenate([keys, own[0]]), np.concatenate([values, own[1]]), 4, 2, allowed)
    found = attend(q, keys, values, own[0], own[1], 4, 2, see)
    assert np.allclose(found, wanted, atol=1e-4)


@pytest.mark.parametrize("heads", [-1, 0, 3, 2**58, 2**63])
def test_heads_that_do_not_fit_are_refused(heads):
    x, place = normal(2, 256), np.zeros(2, np.float32)
    with pytest.raises(InvalidInput):
        rope(x, heads, place, place, 10000.0)
    with pytest.raises(InvalidInput):
        attend(x, x[:0], x[:0], x, x, heads, 4, "causal")
    with pytest.raises(InvalidInput):
        attend(x, x[:0], x[:0], x, x, 4, heads, "causal")


def test_rows_that_do_not_fit_and_unknown_words_are_refused():
    packed, scales = quantise(normal(16, 64), "int2.g64.r16", "mean_abs")
    for rows in (-1, 0, 17, 32, 2**60, 2**63):
        with pytest.raises(InvalidInput):
            matmul_int2(normal(2, 64), packed, scales, rows)
    with pytest.raises(InvalidInput, match="precision"):
        matmul_int2(normal(2, 64), packed, scales, 16, "int7")
    with pytest.raises(InvalidInput, match="see"):
        attend(*([normal(2, 64)] * 5), 1, 1, "sideways")
