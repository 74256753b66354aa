"""Golden vectors of the base network: every body gives them. See ``golden/README.md`` for what each holds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from brain.backends.body import CanvasPass, Choice, See, TextPass
from brain.backends.native import NativeBody
from brain.backends.torch import TorchBody
from brain.native.forward import Network
from brain.native.kernels import act8, rms_norm
from brain.native.weights import Weights
from brain.score import positions
from brain.score.folder import SCORE, WEIGHTS
from brain.score.torch.load import from_folder
from brain.score.torch.quantised import int8_codes
from brain.score.torch.trunk import law, rms
from tests.models import BASE

FLOAT = 1e-4
"""How far a float32 body may be from the golden vectors."""
EXACT = 2e-5
"""How far a row of a block with INT8 activations may be whose roundings all fell alike."""
FLIPPED = 0.1
"""How far a row may be where one rounding met a tie and fell the other way."""
BODIES = ("torch", "native")


@pytest.fixture(scope="module")
def golden():
    return load_file(Path(__file__).parent / "golden" / "golden.safetensors")


@pytest.fixture(scope="module")
def bodies():
    return {"torch": TorchBody.open(BASE, "f32"), "native": NativeBody.open(BASE, 2, "f32")}


@pytest.fixture(scope="module")
def native():
    return Network.open(Weights.open(BASE / WEIGHTS), (BASE / SCORE).read_text(encoding="utf-8"), 2)


@pytest.fixture(scope="module")
def int8_network():
    return from_folder(BASE, activations=True)


def ids(golden, name):
    return golden[f"{name}.ids"].astype(np.uint32)


def from_embedding(body):
    """The embedding as float32, which is the head too."""
    return body.network.emb.numpy() if body.name == "torch" else from_folder(BASE).emb.numpy()


@pytest.mark.parametrize("name", BODIES)
def test_a_causal_pass_gives_the_golden_logits(golden, bodies, name):
    body = bodies[name]
    hidden = body.hidden([TextPass(body.prefix(), ids(golden, "causal"), See.CAUSAL)])[0]
    np.testing.assert_allclose(hidden[-4:] @ from_embedding(body).T, golden["causal.logits_last4.f32"], atol=FLOAT)


@pytest.mark.parametrize("name", BODIES)
def test_a_canvas_after_a_prefix_gives_the_golden_logits(golden, bodies, name):
    body, tokens, before = bodies[name], ids(golden, "canvas"), int(golden["canvas.prefix"])
    prefix = body.prefix()
    body.hidden([TextPass(prefix, tokens[:before], See.CAUSAL)])
    hidden = body.hidden([TextPass(prefix, tokens[before:], See.CANVAS)])[0]
    np.testing.assert_allclose(hidden @ from_embedding(body).T, golden["canvas.logits.f32"], atol=FLOAT)


@pytest.mark.parametrize("name", BODIES)
@pytest.mark.parametrize("column", [0, 17, 300, 4095, 8191])
def test_a_proposal_scores_targets_as_the_golden_logits_do(golden, bodies, name, column):
    body, tokens = bodies[name], ids(golden, "causal")
    targets = np.full(len(tokens), column, np.int64)
    found = body.propose([TextPass(body.prefix(), tokens, See.CAUSAL, targets=targets)], Choice())[0]
    logits = golden["causal.logits_last4.f32"].astype(np.float64)
    log_prob = logits - np.log(np.exp(logits).sum(1, keepdims=True))
    np.testing.assert_allclose(found.target_log_prob[-4:], log_prob[:, column], atol=FLOAT)
    np.testing.assert_array_equal(found.token[-4:], logits.argmax(1))
    np.testing.assert_allclose(found.entropy[-4:], -(np.exp(log_prob) * log_prob).sum(1), atol=FLOAT)


def test_the_native_bodys_own_logits_are_golden(golden, native):
    tokens, before = ids(golden, "canvas"), int(golden["canvas.prefix"])
    cache = native.cache()
    rows = np.arange(len(tokens), dtype=np.float32)
    native.logits([(cache, tokens[:before], rows[:before], rows[:before], "causal")], precision="f32")
    found = native.logits([(cache, tokens[before:], rows[before:], rows[before:], "canvas")], precision="f32")[0]
    np.testing.assert_allclose(found, golden["canvas.logits.f32"], atol=FLOAT)


def canvas(golden, kind, prefix):
    x, time = golden[f"{kind}.x"], golden[f"{kind}.t"]
    n, before = len(x), prefix.length
    places = {
        "image": lambda: positions.image(before, 16),
        "audio": lambda: positions.audio(before, n),
        "plan": lambda: positions.plan(before, n),
    }
    return CanvasPass(prefix, kind, x, time, *places[kind]())


@pytest.mark.parametrize("name", BODIES)
@pytest.mark.parametrize("kind", ["image", "audio", "plan"])
def test_a_canvas_of_vectors_gives_the_golden_velocity(golden, bodies, name, kind):
    body, caption, prefix = bodies[name], ids(golden, kind), bodies[name].prefix()
    rows = positions.audio_caption(len(caption), len(golden["audio.x"]))[0] if kind == "audio" else None
    body.hidden([TextPass(prefix, caption, See.CAUSAL, rows=rows, columns=rows)])
    found = body.velocity([canvas(golden, kind, prefix)])[0]
    np.testing.assert_allclose(found, golden[f"{kind}.velocity.f32"], atol=FLOAT)


def test_int8_codes_and_scales_are_golden_on_both_bodies(golden):
    norm, codes, scale = (golden[f"int8.block0.{name}"] for name in ("norm", "codes", "scale"))
    native_codes, native_scale = act8(np.ascontiguousarray(norm))
    torch_codes, torch_scale = int8_codes(torch.tensor(norm))
    np.testing.assert_array_equal(native_codes, codes)
    np.testing.assert_array_equal(torch_codes.numpy(), codes)
    np.testing.assert_array_equal(native_scale, scale)
    np.testing.assert_array_equal(torch_scale[:, 0].numpy(), scale)


def test_the_first_norm_is_golden_on_both_bodies(golden, int8_network):
    x, norm, gain = golden["int8.block0.input"], golden["int8.block0.norm"], int8_network.blocks[0].n1
    np.testing.assert_allclose(rms_norm(x, gain.numpy(), 1e-6), norm, atol=2e-6)
    np.testing.assert_allclose(rms(torch.tensor(x), gain, 1e-6).numpy(), norm, atol=2e-6)


def hold_to_the_golden_block(found, golden):
    """Every row equal, but for the few where a rounding met a tie."""
    apart = np.abs(found - golden["int8.block0.output"]).max(axis=1)
    assert (apart < EXACT).sum() >= 20
    assert apart.max() < FLIPPED


def test_the_first_block_in_int8_is_golden_on_torch(golden, int8_network):
    x = torch.tensor(golden["int8.block0.input"])[None]
    cos, sin = int8_network.angles(torch.arange(22, dtype=torch.float32))
    found, _ = int8_network.blocks[0](x, cos[None], sin[None], law(22, 22))
    hold_to_the_golden_block(found[0].numpy(), golden)


def test_the_first_block_in_int8_is_golden_on_the_native_body(golden, native):
    rows = np.arange(22, dtype=np.float32)
    found = native.block(0, golden["int8.block0.input"], rows, "causal", precision="int8")
    hold_to_the_golden_block(found, golden)


@pytest.mark.parametrize("way", ["causal.logits_last4", "canvas.logits"])
def test_int8_distributions_are_near_the_golden_ones(golden, native, way):
    """Element by element they may differ (a rounding flips); as distributions they hardly do."""
    tokens = ids(golden, way.split(".", maxsplit=1)[0])
    before = len(tokens) if way.startswith("causal") else int(golden["canvas.prefix"])
    rows, cache = np.arange(len(tokens), dtype=np.float32), native.cache()
    found = native.logits([(cache, tokens[:before], rows[:before], rows[:before], "causal")])[0][-4:]
    if before < len(tokens):
        found = native.logits([(cache, tokens[before:], rows[before:], rows[before:], "canvas")])[0]
    want = golden[f"{way}.int8"]
    p, q = (torch.tensor(one).double().log_softmax(-1) for one in (want, found))
    assert float((p.exp() * (p - q)).sum(-1).mean()) < 0.002
