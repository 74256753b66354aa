"""``aios import`` takes decoders too: numbers keep their bits, what contradicts score.json is refused."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

from brain.base.errors import AiosError, Conflict, CorruptData, InvalidInput, NotFound, Unsupported
from brain.latent.picture import Pictures
from brain.latent.spec import PictureSpec, vocoder_tensors
from brain.latent.speech import Speech
from brain.latent.torch.autoencoder import Autoencoder
from brain.latent.torch.tensors import tensors_of
from brain.latent.torch.vocoder import TorchVocoder
from brain.native.forward import Network
from brain.native.weights import Weights
from brain.score.folder import SCORE, TOKENIZER, WEIGHTS
from brain.score.importing import take
from tests.models import BASE, SMALL, random_tensors, write_model
from tests.unit.score.test_importing import packed_tensors

CONFIG = {
    "res": 48,
    "patch": 16,
    "chan": 4,
    "latent": 8,
    "enc_dim": 64,
    "enc_depth": 1,
    "enc_ffn": 96,
    "dec_dim": 128,
    "dec_depth": 2,
    "dec_ffn": 80,
    "head": "swiglu",
    "head_ffn": 48,
    "head_size": 64,
    "rope_base": 100.0,
    "eps": 1e-6,
    "bottleneck": "rms",
}
PARTS = {"gate": "ffn.w1", "up": "ffn.w3", "down": "ffn.w2"}
VOCODER = {"in": "i.w", "in.bias": "i.b", "norm.gain": "o.nw", "norm.bias": "o.nb", "out": "o.w", "out.bias": "o.b"}
BLOCK = {
    "taps": "dw",
    "taps.bias": "db",
    "norm.gain": "nw",
    "norm.bias": "nb",
    "up": "aw",
    "up.bias": "ab",
    "down": "bw",
    "down.bias": "bb",
}


def described():
    """The small network's score.json with small decoders in it."""
    shipped = json.loads((BASE / SCORE).read_text(encoding="utf-8"))
    image = {"config": CONFIG, "latent_mean": [0.1] * 8, "latent_std": [0.5] * 8}
    return json.dumps(json.loads(SMALL.to_json()) | {"image": image, "audio": shipped["audio"]})


def training_name(name, side):
    """A tensor's name in the training kit."""
    name = name.removeprefix(f"picture.{side}coder.")
    if name.startswith(("in", "out")):
        head, _, part = name.partition(".")
        return f"{side}c_{head}" + (f".{PARTS[part].removeprefix('ffn.')}" if part else "")
    stem, _, part = name.rpartition(".")
    return f"{side}c.{stem}{'.' if stem else ''}{PARTS.get(part, part)}"


def autoencoder_tensors(tensors, side, chance):
    """Random tensors in the training kit's form."""
    found = {}
    for one in tensors:
        name = f"{training_name(one.name, side)}.weight"
        if one.scheme == "f32":
            found[name] = chance.uniform(0.5, 1.5, one.shape).astype(np.float32)
        else:
            found[f"{name}.q8"] = chance.integers(-127, 128, one.shape, dtype=np.int8)
            scales = chance.uniform(0.5, 1, (one.shape[0], 1)) / 64 / np.sqrt(one.shape[1])
            found[f"{name}.s"] = scales.astype(np.float16)
    return found


def vocoder_sources(chance):
    """A random small vocoder in the training kit's form: matrices are [in, out]."""
    found = {}
    for one in vocoder_tensors(64, 96, 2):
        name = one.name.removeprefix("vocoder.")
        if name.startswith("blocks."):
            _, number, part = name.split(".", 2)
            name = f"{number}.{BLOCK[part]}"
        else:
            name = VOCODER[name]
        values = (chance.standard_normal(one.shape) / np.sqrt(one.shape[-1])).astype(np.float16)
        found[name] = np.ascontiguousarray(values.T) if name.endswith(("w", "aw", "bw")) and "n" not in name else values
        if name.endswith("dw"):
            found[name] = values
    return found


@pytest.fixture
def source(tmp_path):
    """A folder of the training kit with all parts."""
    chance = np.random.default_rng(4)
    folder = tmp_path / "source"
    folder.mkdir()
    (folder / SCORE).write_text(described())
    shutil.copyfile(BASE / TOKENIZER, folder / TOKENIZER)
    save_file(packed_tensors(write_model(tmp_path / "network", seed=3)), folder / "score.safetensors")
    spec = PictureSpec.from_json(described())
    save_file(autoencoder_tensors(spec.decoder_tensors(), "de", chance), folder / "image.decoder.safetensors")
    save_file(autoencoder_tensors(spec.encoder_tensors(), "en", chance), folder / "image.encoder.safetensors")
    save_file(vocoder_sources(chance), folder / "vocoder.safetensors")
    return folder


def edited(path, **changes):
    """Rewrite a safetensors file: a name with None goes, another comes or is replaced."""
    from safetensors.numpy import load_file

    tensors = load_file(path) | changes
    save_file({name: value for name, value in tensors.items() if value is not None}, path)


def test_decoders_of_any_size_are_taken_and_agree_with_torch(tmp_path, source):
    made = tmp_path / "made"
    assert take(source, made) == (made / WEIGHTS).stat().st_size
    text, weights = (made / SCORE).read_text(), Weights.open(made / WEIGHTS)
    weights.verify()
    Network.open(weights, text, 1)
    spec, chance = PictureSpec.from_json(text), np.random.default_rng(0)
    tensors = tensors_of(weights, spec.decoder_tensors())
    tensors |= tensors_of(Weights.open(made / "encoder.arrow"), spec.encoder_tensors())
    twin, pictures = Autoencoder(spec, tensors), Pictures(made, text, 2)
    latents = chance.standard_normal((3, 9, 8)).astype(np.float32)
    o = twin.decode(torch.tensor(latents)).clamp(0, 1)
    want = torch.cat([torch.minimum(o[..., :3], o[..., 3:]), o[..., 3:]], -1).numpy() * 255
    found = pictures.pixels(latents)
    assert found.shape == (3, 48, 48, 4)
    assert np.abs(found - want).max() < 0.51
    again = pictures.latents(found)
    assert np.abs(again - twin.encode(torch.tensor(found).float() / 255).numpy()).max() < 1e-3
    log_mel = chance.uniform(-11, 2, (40, 80)).astype(np.float32)
    sound = TorchVocoder(tensors_of(weights, vocoder_tensors(64, 96, 2))).wave(torch.tensor(log_mel)).numpy()
    speech = Speech(made, text, 2)
    assert np.abs(speech.sound(speech.vectors(log_mel)) - sound).max() < 1e-3


def test_the_networks_tensors_are_the_same_with_and_without_decoders(tmp_path, source):
    take(source, tmp_path / "all")
    for name in ("image.decoder", "image.encoder", "vocoder"):
        (source / f"{name}.safetensors").unlink()
    take(source, tmp_path / "alone")
    alone, both = Weights.open(tmp_path / "alone" / WEIGHTS), Weights.open(tmp_path / "all" / WEIGHTS)
    assert both.names()[: len(alone)] == alone.names()
    for name in alone.names():
        assert (alone.packed(name).view(np.uint8) == both.packed(name).view(np.uint8)).all()
        assert (alone.scales(name) == both.scales(name)).all()
    assert not (tmp_path / "alone" / "encoder.arrow").exists()
    text = (tmp_path / "alone" / SCORE).read_text()
    for opened in (Pictures, Speech):
        with pytest.raises(Unsupported) as refused:
            opened(tmp_path / "alone", text, 1)
        assert "import the model" in refused.value.hint


SPOILT = {
    "a tensor too many": ("image.decoder", {"more": np.zeros(4, np.float32)}, Conflict),
    "a tensor missing": ("image.decoder", {"dec.norm.weight": None}, NotFound),
    "another shape": ("image.encoder", {"enc.norm.weight": np.ones(63, np.float32)}, InvalidInput),
    "another dtype": ("image.encoder", {"enc.norm.weight": np.ones(64, np.float16)}, InvalidInput),
    "a gain that is no number": ("image.decoder", {"dec.norm.weight": np.full(128, np.nan, np.float32)}, CorruptData),
    "a scale that is no number": (
        "image.decoder",
        {"dec_in.weight.s": np.full((128, 1), np.inf, np.float16)},
        CorruptData,
    ),
    "a bias that is no number": ("vocoder", {"i.b": np.full(64, np.nan, np.float16)}, CorruptData),
    "a matrix turned": ("vocoder", {"1.aw": np.zeros((96, 64), np.float16)}, InvalidInput),
    "a block too few": ("vocoder", {"0.aw": None}, NotFound),
    "a vector for a matrix": ("vocoder", {"i.w": np.zeros(64, np.float16)}, InvalidInput),
}


@pytest.mark.parametrize("what", SPOILT)
def test_a_decoder_that_contradicts_its_description_is_refused(tmp_path, source, what):
    name, changes, error = SPOILT[what]
    edited(source / f"{name}.safetensors", **changes)
    with pytest.raises(error):
        take(source, tmp_path / "made")
    assert not (tmp_path / "made").exists()


def test_decoders_beside_plain_tensors_are_refused_rather_than_lost(tmp_path, source):
    save_file(random_tensors(SMALL, 5), source / "score.safetensors")
    with pytest.raises(Unsupported, match="plain"):
        take(source, tmp_path / "made")


def test_a_decoder_without_a_description_is_refused(tmp_path, source):
    (source / SCORE).write_text(SMALL.to_json())
    with pytest.raises(AiosError, match="image"):
        take(source, tmp_path / "made")
