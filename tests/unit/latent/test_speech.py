"""Promises of speech: vectors are log-mel in units, sound has a frame a hop, what is wrong is refused."""

from pathlib import Path

import numpy as np
import pytest

from brain.base.errors import Cancelled, InvalidInput
from brain.latent import wav
from brain.latent.speech import Speech
from brain.native.cancel import CancelToken
from brain.native.forward import Vocoder, log_mel
from brain.native.weights import read_safetensors

ROOT = Path(__file__).resolve().parents[3]
BASE = ROOT / "brain" / "pretrained" / "base"
GOLDEN = read_safetensors(ROOT / "tests" / "parity" / "golden" / "latent.safetensors")


@pytest.fixture(scope="module")
def speech():
    return Speech(BASE, (BASE / "score.json").read_text(encoding="utf-8"), 2)


def test_vectors_are_log_mel_in_the_networks_units(speech):
    given = np.ascontiguousarray(GOLDEN["vocoder.log_mel"])
    vectors = speech.vectors(given)
    assert vectors.shape == (6, 320)
    assert np.abs(speech.log_mel(vectors) - given).max() < 1e-5
    assert np.abs(speech.sound(vectors) - GOLDEN["vocoder.wave"]).max() < 1e-4


def test_the_last_vector_is_filled_up_with_silence(speech):
    vectors = speech.vectors(np.zeros((5, 80), np.float32))
    assert vectors.shape == (2, 320)
    assert np.allclose(vectors[1, 80:], speech.spec.silence)
    assert np.allclose(speech.log_mel(vectors)[5:], np.log(1e-5), atol=1e-3)


def test_sound_is_heard_as_it_was_said(speech):
    sound = np.ascontiguousarray(GOLDEN["vocoder.wave"])
    again = speech.sound(speech.heard(sound))
    assert again.shape == (24 * 256 - 256,)
    there, back = log_mel(sound), log_mel(again)
    assert np.median(np.abs(there - back)) < 1


def test_a_wav_file_holds_the_sound(speech):
    vectors = speech.vectors(np.ascontiguousarray(GOLDEN["vocoder.log_mel"]))
    assert np.abs(wav.read(speech.wav(vectors)) - speech.sound(vectors)).max() < 1e-4


def test_log_mel_is_what_plain_arithmetic_gives():
    sound = np.random.default_rng(1).uniform(-1, 1, 3000).astype(np.float32)
    padded = np.pad(sound.astype(float), 512, mode="reflect")
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(1024) / 1024)
    frames = np.stack([padded[256 * t :][:1024] * window for t in range(1 + 3000 // 256)])
    bins = np.linspace(0, 8000, 513)
    mel = np.linspace(0, 15 + np.log(8) * 27 / np.log(6.4), 82)
    edges = np.where(mel < 15, mel * 200 / 3, 1000 * np.exp((mel - 15) * np.log(6.4) / 27))
    low, middle, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    bands = np.maximum(0, np.minimum((bins - low) / (middle - low), (high - bins) / (high - middle)))
    want = np.log(np.maximum(np.abs(np.fft.rfft(frames)) @ (bands * 2 / (high - low)).T, 1e-5))
    assert np.abs(log_mel(sound) - want).max() < 1e-4


def test_wrong_arrays_are_refused(speech):
    for wrong in (np.zeros((2, 319), np.float32), np.zeros(320, np.float32), np.zeros((2, 320))):
        with pytest.raises(InvalidInput, match="vectors"):
            speech.sound(wrong)
    with pytest.raises(InvalidInput):
        speech.sound(np.full((2, 320), np.nan, np.float32))
    for wrong in (np.zeros((0, 80), np.float32), np.zeros((4, 79), np.float32), np.zeros((4, 80))):
        with pytest.raises(InvalidInput):
            speech.vectors(wrong)
    for wrong in (np.zeros(512, np.float32), np.zeros((9, 600), np.float32), np.zeros(600)):
        with pytest.raises(InvalidInput):
            log_mel(wrong)


def test_calls_are_withdrawn(speech):
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        speech.sound(np.zeros((2, 320), np.float32), token)


def test_the_vocoder_names_the_shape_that_it_wants():
    vocoder = Vocoder.open(BASE / "weights.arrow", 1)
    with pytest.raises(InvalidInput, match=r"\[frames, 80\]"):
        vocoder.wave(np.zeros((80, 10), np.float32))
