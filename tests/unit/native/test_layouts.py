"""Promises of foreign layouts against what mlx and the package gguf made of the same numbers, and of calibration."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import brain
from brain.base.errors import InvalidInput, NotFound, Unsupported
from brain.native.forward import Network
from brain.native.quant import (
    dequantise,
    from_ggml,
    from_mlx,
    output_error,
    quantise,
    quantise_calibrated,
    relative_error,
    schemes,
    second_moments,
    to_ggml,
    to_mlx,
)
from brain.native.weights import Weights, write_weights

FIXTURE = dict(np.load(Path(__file__).parent / "layouts.npz"))
W = FIXTURE["w"]
RULE = {"int2": "deviation", "int4": "range", "int8": "range"}


def rule(scheme):
    return "range" if scheme.endswith("affine") else RULE[scheme.split(".")[0]]


@pytest.mark.parametrize("bits", [2, 4, 8])
@pytest.mark.parametrize("group", [64, 128])
def test_what_mlx_quantised_is_freed_as_mlx_frees_it(bits, group):
    words, scales, biases, freed = (
        FIXTURE[f"mlx.{bits}.{group}.{part}"] for part in ("words", "scales", "biases", "freed")
    )
    scheme, packed, ours = from_mlx(words, scales, biases, bits, group)
    assert scheme == f"int{bits}.g{group}.affine"
    found = dequantise(packed, ours, *W.shape, scheme)
    # mlx may fuse code x scale + bias into one rounding.
    assert np.allclose(found, freed, rtol=0, atol=np.abs(W).max() * 2**-22)
    again = to_mlx(packed, ours, *W.shape, scheme)
    for part, same in zip((words, scales, biases), again, strict=True):
        assert np.array_equal(part, same)


@pytest.mark.parametrize("scheme", schemes())
def test_mlx_frees_what_we_quantised_as_we_do(scheme):
    mx = pytest.importorskip("mlx.core", reason="mlx is an optional rival, not a dependency")
    packed, scales = quantise(W, scheme, rule(scheme))
    words, steps, biases = to_mlx(packed, scales, *W.shape, scheme)
    bits, group = int(scheme[3]), W.shape[1] // steps.shape[1]
    freed = mx.dequantize(mx.array(words), mx.array(steps), mx.array(biases), group_size=group, bits=bits)
    ours = dequantise(packed, scales, *W.shape, scheme)
    assert np.allclose(np.array(freed), ours, rtol=0, atol=np.abs(W).max() * 2**-22)


@pytest.mark.parametrize(("scheme", "block"), [("int4.g64", "Q4_0"), ("int8.row", "Q8_0"), ("int2.row", "Q2_K")])
def test_ggml_frees_our_blocks_as_we_do(scheme, block):
    packed, scales = quantise(W, scheme, rule(scheme))
    blocks = to_ggml(packed, scales, *W.shape, scheme, block)
    assert np.array_equal(blocks, FIXTURE[f"ggml.{block}.blocks"])
    assert np.array_equal(dequantise(packed, scales, *W.shape, scheme), FIXTURE[f"ggml.{block}.freed"])
    if block != "Q2_K":
        again = from_ggml(blocks, W.shape[1], scheme, block)
        assert np.array_equal(again[0], packed)
        assert np.array_equal(again[1], scales)


def test_what_ggml_cannot_hold_is_refused_with_a_hint():
    packed, scales = quantise(W, "int2.g64.r16", "deviation")
    for block in ("TQ2_0", "Q2_K", "Q4_0"):
        with pytest.raises(Unsupported, match="int2") as caught:
            to_ggml(packed, scales, *W.shape, "int2.g64.r16", block)
        assert caught.value.hint
    with pytest.raises(Unsupported, match="scale"):
        from_ggml(FIXTURE["ggml.foreign"], W.shape[1], "int4.g64", "Q4_0")
    with pytest.raises(NotFound, match="Q9"):
        to_ggml(packed, scales, *W.shape, "int2.g64.r16", "Q9")


def test_what_a_float16_cannot_hold_of_mlx_is_refused():
    words, scales, biases = (FIXTURE[f"mlx.4.64.{part}"] for part in ("words", "scales", "biases"))
    with pytest.raises(Unsupported, match="scale 0"):
        from_mlx(words, scales + np.float32(1e-5), biases, 4, 64)
    with pytest.raises(NotFound):
        from_mlx(words, scales, biases, 3, 64)
    with pytest.raises(InvalidInput):
        from_mlx(words, scales, biases, 0, 64)
    with pytest.raises(InvalidInput):
        from_mlx(words[:, :1].copy(), scales, biases, 4, 64)


def test_calibration_loses_less_of_the_output_and_says_how_much():
    chance = np.random.default_rng(4)
    inputs = chance.standard_normal((2000, W.shape[1]), np.float32) @ chance.standard_normal((256, 256), np.float32)
    inputs *= np.where(np.arange(256) % 7, 1, 5).astype(np.float32)
    full = second_moments(inputs)
    assert np.allclose(full, inputs.T @ inputs / 2000, rtol=1e-3, atol=full.max() * 1e-5)
    squares = np.ascontiguousarray(np.diagonal(full))

    def error(packed):
        return output_error(W, dequantise(*packed, *W.shape, "int2.g64.r16"), full)

    blind = error(quantise(W, "int2.g64.r16", "least_squares"))
    some = error(quantise_calibrated(W, "int2.g64.r16", squares))
    most = error(quantise_calibrated(W, "int2.g64.r16", full, threads=2))
    assert most < 0.8 * some < 0.8 * blind
    freed = dequantise(*quantise_calibrated(W, "int2.g64.r16", full), *W.shape, "int2.g64.r16")
    outputs = np.linalg.norm(inputs @ (W - freed).T) / np.linalg.norm(inputs @ W.T)
    assert most == pytest.approx(outputs, rel=1e-2)


def test_moments_of_another_matrix_are_refused():
    for wrong in (np.ones(8, np.float32), np.ones((8, 8), np.float32), np.ones((16, 4096), np.float32)):
        with pytest.raises(InvalidInput, match="moments"):
            quantise_calibrated(W, "int4.g64", wrong)
        with pytest.raises(InvalidInput, match="moments"):
            output_error(W, W, wrong)
    with pytest.raises(InvalidInput):
        second_moments(np.full((2, 2), np.nan, np.float32))
    with pytest.raises(InvalidInput, match="y"):
        output_error(W, W[:8].copy(), np.ones(256, np.float32))


@pytest.mark.parametrize("scheme", schemes())
def test_threads_change_no_byte_and_every_scheme_tells_its_error(scheme):
    alone, pooled = quantise(W, scheme, rule(scheme)), quantise(W, scheme, rule(scheme), threads=2)
    assert all(np.array_equal(a, b) for a, b in zip(alone, pooled, strict=True))
    bound = {"int2": 0.65, "int4": 0.2, "int8": 0.02}[scheme.split(".")[0]]
    assert 0 < relative_error(W, dequantise(*alone, *W.shape, scheme)) < bound
    with pytest.raises(InvalidInput, match="threads"):
        quantise(W, scheme, rule(scheme), threads=0)


def test_a_body_refuses_a_scheme_that_it_cannot_run_and_names_what_it_takes(tmp_path):
    base = Path(brain.__file__).parent / "pretrained" / "base"
    shipped = Weights.open(base / "weights.arrow")
    tensors = []
    for name in shipped.names():
        info, packed, scales = shipped.info(name), shipped.packed(name), shipped.scales(name)
        scheme = info.scheme
        if name == "blocks.0.wq":
            w = dequantise(packed, scales, *info.shape, scheme)
            scheme = "int4.g128.affine"
            packed, scales = quantise(w, scheme, "range")
        tensors.append((name, info.shape, scheme, packed, scales if len(scales) else None))
    write_weights(tmp_path / "weights.arrow", tensors, {})
    told = r"blocks\.0\.wq holds u8 \(int4\.g128\.affine\), not int2\.g64\.r16, int4\.g64, int8\.row"
    with pytest.raises(InvalidInput, match=told):
        Network.open(Weights.open(tmp_path / "weights.arrow"), (base / "score.json").read_text(), 1)
