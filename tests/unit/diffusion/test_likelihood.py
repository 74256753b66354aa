"""Held-out loss: what is masked, what is scored, and that a known network gets its known loss."""

from __future__ import annotations

import itertools
import json
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from brain.backends.native import NativeBody
from brain.base.errors import InvalidInput
from brain.diffusion.evaluate import encoded, main
from brain.diffusion.likelihood import BLOCKS, masked_in_blocks, masked_in_hole, measure, windows
from brain.native.tokenizer import Tokenizer
from brain.score.folder import TOKENIZER
from tests.models import BASE, SMALL, write_model

WORDS = "The old man looked at the sea, and the sea looked back at him. " * 40


@pytest.fixture(scope="module")
def body(tmp_path_factory):
    return NativeBody.open(write_model(tmp_path_factory.mktemp("model")), 1)


@given(st.sampled_from(BLOCKS), st.integers(1, 200), st.integers(0, 2**32))
def test_each_whole_block_keeps_its_anchor_and_masks_at_least_one_place(size, length, seed):
    masked = masked_in_blocks(length, size, np.random.default_rng(seed)).reshape(-1, size)
    assert len(masked) == length // size
    assert not masked[:, 0].any()
    assert masked.any(axis=1).all()


def test_every_number_of_masks_and_every_place_is_equally_likely():
    masked = masked_in_blocks(8 * 70_000, 8, np.random.default_rng(1)).reshape(-1, 8)
    counts = np.bincount(masked.sum(1), minlength=8)[1:]
    np.testing.assert_allclose(counts / 10_000, 1.0, atol=0.05)
    np.testing.assert_allclose(masked.mean(0)[1:], 4 / 7, atol=0.01)


@given(st.integers(8, 400), st.integers(0, 2**32))
def test_a_hole_never_takes_the_anchor_and_is_never_empty(length, seed):
    masked = masked_in_hole(length, np.random.default_rng(seed))
    assert (len(masked), bool(masked[0])) == (length, False)
    assert masked.any()


@given(st.integers(0, 500), st.integers(1, 9), st.integers(64, 120))
def test_windows_lie_inside_the_text_and_do_not_overlap_by_much(n, count, length):
    tokens = np.arange(n, dtype=np.uint32)
    found = list(windows(tokens, count, length))
    assert len(found) == (0 if n <= 64 else min(count, max(n - length - 1, 0) // length + 1))
    assert all(len(part) == min(length + 1, n) for part in found)
    starts = [int(part[0]) for part in found]
    assert all(b - a >= length for a, b in itertools.pairwise(starts))


def test_a_network_that_knows_nothing_loses_the_logarithm_of_the_vocabulary(tmp_path):
    """With an embedding of zeros every token is as likely as any other, in each of the three ways to see."""
    from brain.native.quant import quantise
    from brain.native.weights import Weights, write_weights
    from brain.score.folder import WEIGHTS

    write_model(tmp_path)
    weights, stored = Weights.open(tmp_path / WEIGHTS), []
    for tensor in SMALL.tensors():
        packed, scales = np.array(weights.packed(tensor.name)), np.array(weights.scales(tensor.name))
        if tensor.name == "emb":
            packed, scales = quantise(np.zeros(tensor.shape, np.float32), tensor.scheme, "range")
        stored.append((tensor.name, tensor.shape, tensor.scheme, packed, None if tensor.scheme == "plain" else scales))
    del weights
    write_weights(tmp_path / WEIGHTS, stored, {})
    tokens = np.random.default_rng(0).integers(13, SMALL.vocabulary, 97).astype(np.uint32)
    losses = measure(NativeBody.open(tmp_path, 1), [tokens], 0)
    for found in (losses.next_token, *losses.bounds, losses.fill):
        assert found == pytest.approx(math.log(SMALL.vocabulary), abs=1e-4)
    assert losses.tokens == 96


def test_the_same_seed_measures_the_same(body):
    parts = [np.random.default_rng(i).integers(13, SMALL.vocabulary, 90).astype(np.uint32) for i in range(2)]
    assert measure(body, parts, 3) == measure(body, parts, 3)
    assert measure(body, parts, 3).bounds != measure(body, parts, 4).bounds
    assert measure(body, parts, 3).next_token == measure(body, parts, 4).next_token


def test_nothing_to_measure_is_refused(body):
    with pytest.raises(InvalidInput):
        measure(body, [], 0)
    with pytest.raises(InvalidInput):
        list(windows(np.arange(500, dtype=np.uint32), 0, 64))


def test_a_text_that_is_cut_has_no_end_and_a_whole_one_has(body, tmp_path):
    tokenizer = Tokenizer.open(BASE / TOKENIZER)
    path = tmp_path / "two.val.txt"
    path.write_text("naïve café\n<|endoftext|>\n<|user|>\nhi\n<|endoftext|>\n", encoding="utf-8")
    whole = encoded(tokenizer, body, path, 0).tolist()
    assert (whole.count(SMALL.bos), whole.count(SMALL.eos), whole.count(SMALL.user)) == (2, 2, 1)
    cut = encoded(tokenizer, body, path, 3)
    assert tokenizer.decode(cut, skip_special=True) == "na"
    assert SMALL.eos not in cut.tolist()


def test_the_command_counts_bytes_exactly_and_calls_a_bound_a_bound(tmp_path, capsys):
    folder = write_model(tmp_path / "model", replace(SMALL, vocabulary=8192))
    data = tmp_path / "data"
    data.mkdir()
    (data / "a.val.txt").write_text(WORDS, encoding="utf-8")
    (data / "short.val.txt").write_text("too short", encoding="utf-8")
    (data / "train.txt").write_text(WORDS, encoding="utf-8")
    words = [str(folder), "--data", str(data), "--windows", "1", "--length", "2048"]
    assert main([*words, "--json"]) == 0
    said, row, total = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert (said["backend"], row["data"], total["data"]) == ("native", "a.val.txt", "all")
    assert row["bytes"] == len(WORDS.encode())
    assert row["bits_per_byte"] == pytest.approx(row["next_token"] * row["tokens"] / math.log(2) / row["bytes"])
    assert main(words) == 0
    assert "bound 8" in capsys.readouterr().out
    assert main([str(folder), "--data", str(data / "train.txt"), "--limit-bytes", "40"]) == 3
    assert main([str(folder), "--data", str(tmp_path / "none")]) == 3
    (data / "a.val.txt").unlink()
    (data / "short.val.txt").unlink()
    assert main([str(folder), "--data", str(data)]) == 3
