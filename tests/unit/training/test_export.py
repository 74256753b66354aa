"""Promises of the model folder: the network that was trained is the one that the product's bodies run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from brain.backends.body import Choice, See, TextPass
from brain.backends.native import NativeBody
from brain.backends.torch import TorchBody
from brain.base.corpus import documents
from brain.base.errors import CorruptData, StorageFailed
from brain.native.quant import int2_from_codes
from brain.native.tokenizer import Tokenizer
from brain.native.weights import Weights
from brain.score.folder import read_spec
from brain.score.torch.network import ScoreNetwork
from brain.score.torch.quantised import int2_levels, int2_scales, int2_weight
from brain.score.torch.trunk import law
from brain.training import checkpoint, export
from brain.training.files import write_text


def network_of(trained: Path, activations: bool) -> ScoreNetwork:
    """The network as training left it, INT2 by its own rule from float latents."""
    network = ScoreNetwork(read_spec(trained), quantise=True, activations=activations)
    network.load_state_dict(checkpoint.load(trained / "training" / "checkpoint.pt").network)
    return network


def held_out(trained: Path) -> np.ndarray:
    tokenizer = Tokenizer.open(trained / "tokenizer.json")
    text = "\n".join(documents(trained.parent / "data" / "little.val.txt"))
    return tokenizer.encode(text)[:200]


def log_probs(network: ScoreNetwork, tokens: np.ndarray) -> torch.Tensor:
    ids = torch.from_numpy(tokens.astype(np.int64))[None]
    with torch.no_grad():
        cos, sin = network.angles(torch.arange(len(tokens))[None])
        hidden = network.trunk(network.embed(ids), cos, sin, law(len(tokens), len(tokens)))
        return network.logits(hidden)[0].log_softmax(-1)


def test_the_codes_in_the_file_are_those_of_training(trained: Path) -> None:
    network, weights = network_of(trained, True), Weights.open(trained / "weights.arrow")
    latent = network.get_parameter("blocks.1.down").detach()
    scales = int2_scales(latent)
    levels = int2_levels(latent, scales).reshape(latent.shape).numpy()
    codes = (levels + 1.5).astype(np.uint8).reshape(len(levels), -1, 4)
    packed = codes[..., 0] + 4 * codes[..., 1] + 16 * codes[..., 2] + 64 * codes[..., 3]
    wanted, wanted_scales = int2_from_codes(packed.astype(np.uint8), scales[..., 0].numpy().astype(np.float16))
    assert np.array_equal(weights.packed("blocks.1.down"), wanted)
    assert np.array_equal(weights.scales("blocks.1.down"), wanted_scales)


def test_every_tensor_of_the_spec_is_in_the_file_and_nothing_else(trained: Path) -> None:
    weights = Weights.open(trained / "weights.arrow")
    spec = read_spec(trained)
    assert weights.names() == [tensor.name for tensor in spec.tensors()]
    for tensor in spec.tensors():
        info = weights.info(tensor.name)
        assert (tuple(info.shape), info.scheme, info.dtype) == (tensor.shape, tensor.scheme, tensor.dtype)
    weights.verify()
    assert spec.name == "model"


def test_the_torch_body_of_the_folder_scores_like_the_network_in_training(trained: Path) -> None:
    """Float activations; what is left is float16 scales (2^-11) and the INT8 embedding: .1 nats at the worst token."""
    tokens = held_out(trained)
    wanted = log_probs(network_of(trained, False), tokens)
    found = log_probs(TorchBody.open(trained, "f32").network, tokens)
    likely = wanted > -8
    assert float((found - wanted)[likely].abs().max()) < 0.1
    assert float((found - wanted)[likely].abs().mean()) < 0.01


def test_the_native_body_has_the_loss_of_the_network_in_training(trained: Path) -> None:
    """INT8 activations on both sides: single places may differ by flipped roundings, the mean loss by .01 nats."""
    tokens = held_out(trained)
    body = NativeBody.open(trained, 1)
    targets = np.append(tokens[1:], 0).astype(np.int64)
    (proposal,) = body.propose([TextPass(body.prefix(), tokens, See.CAUSAL, targets)], Choice())
    wanted = log_probs(network_of(trained, True), tokens)[np.arange(199), tokens[1:].astype(np.int64)]
    assert float(-wanted.mean()) < 3.0
    assert float(proposal.target_log_prob[:-1].mean()) == pytest.approx(float(wanted.mean()), abs=0.01)


def test_a_network_loaded_to_train_on_rounds_to_the_same_codes_and_scales(trained: Path) -> None:
    trained_on, loaded = network_of(trained, True), ScoreNetwork(read_spec(trained), quantise=True)
    export.load_latents(loaded, trained)
    for name, parameter in loaded.named_parameters():
        before = trained_on.get_parameter(name).detach()
        if name.rpartition(".")[2] in {"wq", "wk", "wv", "wo", "gate", "up", "down"}:
            found, wanted = int2_weight(parameter.detach()), int2_weight(before)
            assert torch.equal(int2_levels(parameter, int2_scales(parameter)), int2_levels(before, int2_scales(before)))
            torch.testing.assert_close(found, wanted, rtol=2e-3, atol=1e-6)
        elif name != "emb":
            torch.testing.assert_close(parameter.detach(), before, rtol=1e-3, atol=1e-6)


@given(st.integers(0, 63), st.integers(0, 2**32 - 1))
def test_latents_find_their_codes_and_scale_again_whatever_the_codes(outer: int, seed: int) -> None:
    chance = np.random.default_rng(seed)
    codes = np.where(np.arange(64) < outer, chance.choice([0, 3], 64), chance.choice([1, 2], 64)).astype(np.uint8)
    codes = chance.permutation(codes).reshape(1, 16, 4)
    packed = (codes << np.array([0, 2, 4, 6], np.uint8)).sum(-1).astype(np.uint8)
    scales = np.array([[0.0625]], np.float16)
    latents = torch.from_numpy(export.latents_of(packed, scales))
    possible = outer * 1.02 < 64 / 1.248
    found, found_scales = export.codes_of(latents)
    if possible:
        assert np.array_equal(found, packed)
        assert found_scales[0, 0] == pytest.approx(0.0625, rel=2e-3)
    assert np.isfinite(latents.numpy()).all()


def test_weights_of_another_spec_are_refused_by_the_tensor(trained: Path, tmp_path: Path) -> None:
    spec = read_spec(trained)
    other = ScoreNetwork(type(spec).from_json(spec.to_json().replace('"plan"', '"plot"')), quantise=True)
    with pytest.raises(CorruptData, match=r"has no tensor inp\.plot"):
        export.load_latents(other, trained)


def test_a_file_that_cannot_be_put_in_place_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "CARD.md"
    write_text(path, "old")
    (tmp_path / "CARD.md.part").mkdir()
    with pytest.raises(StorageFailed, match=r"CARD\.md cannot be written"):
        write_text(path, "new")
    assert path.read_text() == "old"
