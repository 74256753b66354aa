"""The decoders in torch and in the skeleton agree with each other and with the golden vectors."""

from pathlib import Path

import numpy as np
import pytest
import torch

from brain.base.errors import CorruptData
from brain.latent.spec import DECODER, PictureSpec, Tensor, vocoder_tensors
from brain.latent.torch.autoencoder import Autoencoder
from brain.latent.torch.tensors import tensors_of
from brain.latent.torch.vocoder import TorchVocoder
from brain.native.forward import PictureDecoder, PictureEncoder, Vocoder
from brain.native.weights import Weights, read_safetensors

ROOT = Path(__file__).resolve().parents[2]
BASE = ROOT / "brain" / "pretrained" / "base"
JSON = (BASE / "score.json").read_text(encoding="utf-8")
SPEC = PictureSpec.from_json(JSON)
GOLDEN = read_safetensors(ROOT / "tests" / "parity" / "golden" / "latent.safetensors")
WEIGHTS, ENCODER = Weights.open(BASE / "weights.arrow"), Weights.open(BASE / "encoder.arrow")
LATENT = np.ascontiguousarray(GOLDEN["image.latent"])[None]


@pytest.fixture(scope="module")
def twin():
    tensors = tensors_of(WEIGHTS, SPEC.decoder_tensors()) | tensors_of(ENCODER, SPEC.encoder_tensors())
    return Autoencoder(SPEC, tensors)


def test_both_decode_the_golden_picture(twin):
    theirs = twin.decode(torch.tensor(LATENT)).numpy()
    ours = PictureDecoder.open(BASE / "weights.arrow", JSON, 2).decode_numbers(LATENT)
    assert np.abs(theirs[0, :8] - GOLDEN["image.decoded_rows_0_8"]).max() < 2e-5
    assert np.abs(theirs - ours).max() < 5e-5


def test_both_encode_a_picture_to_one_latent(twin):
    ramp = (np.arange(512 * 512 * 4) % 251).astype(np.uint8).reshape(1, 512, 512, 4)
    theirs = twin.encode(torch.tensor(ramp).float() / 255).numpy()
    ours = PictureEncoder.open(BASE / "encoder.arrow", JSON, 2).encode(ramp)
    golden = (GOLDEN["image.encoded_of_ramp"] - np.float32(SPEC.mean)) / np.float32(SPEC.deviation)
    assert np.abs(theirs[0] - golden).max() < 1e-4
    assert np.abs(theirs - ours).max() < 1e-4


def test_both_say_the_golden_wave():
    log_mel = np.ascontiguousarray(GOLDEN["vocoder.log_mel"])
    theirs = TorchVocoder(tensors_of(WEIGHTS, vocoder_tensors(256, 640, 5))).wave(torch.tensor(log_mel)).numpy()
    ours = Vocoder.open(BASE / "weights.arrow", 2).wave(log_mel)
    assert np.abs(theirs - GOLDEN["vocoder.wave"]).max() < 2e-5
    assert np.abs(theirs - ours).max() < 2e-5


def test_the_twin_refuses_tensors_that_are_not_there_or_otherwise():
    for wrong in (Tensor("no such", (1,), "f32"), Tensor(f"{DECODER}norm", (384,), "f16")):
        with pytest.raises(CorruptData):
            tensors_of(WEIGHTS, [wrong])
