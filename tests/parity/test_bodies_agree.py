"""The same network in two bodies: the same tokens, nearly the same losses; INT8 activations beside floating ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from brain.backends.body import Choice, See, TextPass
from brain.backends.choose import propose
from brain.backends.native import NativeBody
from brain.backends.torch import TorchBody
from brain.native.forward import Network
from brain.native.tokenizer import Tokenizer
from brain.native.weights import Weights
from brain.score.folder import SCORE, TOKENIZER, WEIGHTS
from tests.models import BASE

PROMPTS = (
    "The old man looked at the sea and",
    "def add(a, b):\n    return",
    "A hash table is a data structure that",
    "naïve café, 12 + 34 =",
)
CHOICES = (
    Choice(forbid=(0, 1, 3)),
    Choice(temperature=0.7, seed=1, forbid=(0, 1, 3)),
    Choice(temperature=1.0, min_p=0.05, seed=2**63 + 5),
    Choice(temperature=1.6, seed=3),
)


@pytest.fixture(scope="module")
def native():
    return NativeBody.open(BASE, 2, "f32")


@pytest.fixture(scope="module")
def control():
    return TorchBody.open(BASE, "f32")


@pytest.fixture(scope="module")
def tokenizer():
    return Tokenizer.open(BASE / TOKENIZER)


@pytest.fixture(scope="module")
def held_out(tokenizer):
    text = (Path(__file__).parent / "held-out.txt").read_text(encoding="utf-8")
    return np.concatenate([np.array([1], np.uint32), tokenizer.encode(text)])


def written(body, tokens, choice, count):
    """Next-token decoding: the tokens and their log-probabilities."""
    prefix, last, found = body.prefix(), tokens, []
    for _ in range(count):
        said = body.propose([TextPass(prefix, last, See.CAUSAL)], choice)[0]
        last = said.token[-1:]
        found.append((int(last[0]), float(said.log_prob[-1])))
    return found


@pytest.mark.parametrize("choice", CHOICES, ids=lambda c: f"temperature-{c.temperature}")
@pytest.mark.parametrize("prompt", PROMPTS)
def test_both_bodies_write_the_same_text_from_the_same_seed(native, control, tokenizer, prompt, choice):
    tokens = np.concatenate([np.array([1], np.uint32), tokenizer.encode(prompt)])
    ours, theirs = (written(body, tokens, choice, 12) for body in (native, control))
    assert [token for token, _ in ours] == [token for token, _ in theirs]
    np.testing.assert_allclose([p for _, p in ours], [p for _, p in theirs], atol=1e-3)


@pytest.mark.parametrize("choice", CHOICES, ids=lambda c: f"temperature-{c.temperature}")
def test_the_native_proposal_is_the_plain_truth_of_its_own_logits(choice, held_out):
    """Noise, race, min-p, sums: streamed over tiles in Rust, and in the open in NumPy, on the very same scores."""
    network = Network.open(Weights.open(BASE / WEIGHTS), (BASE / SCORE).read_text(encoding="utf-8"), 2)
    tokens, targets = held_out[:256], held_out[1:257].astype(np.int64)
    rows = np.arange(256, dtype=np.float32)
    logits = network.logits([(network.cache(), tokens, rows, rows, "causal")])[0]
    said = network.propose(
        [(network.cache(), tokens, rows, rows, "causal")],
        temperature=choice.temperature,
        min_p=choice.min_p,
        seed=choice.seed,
        forbid=choice.forbid,
        targets=[targets],
    )[0]
    truth = propose(logits, rows, choice, targets)
    np.testing.assert_array_equal(said.token, truth.token)
    for name in ("log_prob", "entropy", "margin", "target_log_prob"):
        np.testing.assert_allclose(getattr(said, name), getattr(truth, name), atol=2e-5, rtol=2e-5, err_msg=name)


def loss(body, tokens):
    asked = TextPass(body.prefix(), tokens[:-1], See.CAUSAL, targets=tokens[1:].astype(np.int64))
    return -body.propose([asked], Choice())[0].target_log_prob.astype(np.float64)


def test_int8_activations_cost_next_to_nothing_on_held_out_text(native, held_out):
    rounded = NativeBody.open(BASE, 2, "int8")
    windows = [held_out[i : i + 1025] for i in range(0, len(held_out) - 1025, 1024)]
    both = [np.concatenate([loss(body, window) for window in windows]) for body in (rounded, native)]
    assert len(both[0]) >= 4096
    assert abs(both[0].mean() - both[1].mean()) < 0.002


def test_both_bodies_lose_the_same_on_held_out_text(native, control, held_out):
    ours, theirs = (loss(body, held_out[:513]) for body in (native, control))
    np.testing.assert_allclose(ours, theirs, atol=2e-3)
    assert abs(ours.mean() - theirs.mean()) < 1e-4


def test_int8_in_torch_and_in_rust_lose_the_same(held_out):
    rounded = (NativeBody.open(BASE, 2, "int8"), TorchBody.open(BASE, "int8"))
    ours, theirs = (loss(body, held_out[:513]).mean() for body in rounded)
    assert abs(ours - theirs) < 0.005
