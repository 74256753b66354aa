"""Promises of WAV: what is written is read back, other rates are resampled faithfully, hostile files are refused."""

import io
import struct
import wave

import numpy as np
import pytest

from brain.base.errors import CorruptData, InvalidInput, ResourceExhausted, Unsupported
from brain.latent import wav


def file_of(samples, rate=16_000, channels=1, width=2):
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(samples.tobytes())
    return out.getvalue()


def tone(hertz, rate, seconds=0.5):
    return np.sin(2 * np.pi * hertz * np.arange(int(rate * seconds)) / rate).astype(np.float32) * np.float32(0.5)


def test_what_is_written_is_read_back_to_half_a_step():
    sound = np.linspace(-1, 1, 4001, dtype=np.float32)
    assert np.abs(wav.read(wav.write(sound)) - sound).max() < 1 / 16_000
    assert wav.read(wav.write(np.zeros(0, np.float32))).shape == (0,)


def test_what_is_too_loud_is_clipped():
    assert np.abs(wav.read(wav.write(np.float32([-3, 3])))).min() > 0.999


def test_two_channels_are_averaged():
    stereo = np.array([[100, 300], [-200, 200]], "<i2")
    assert (wav.read(file_of(stereo, channels=2)) * 32768).tolist() == [200, 0]


@pytest.mark.parametrize("rate", [8_000, 11_025, 22_050, 44_100, 48_000])
def test_another_rate_keeps_a_tone(rate):
    found, want = wav.resampled(tone(440, rate), rate, 16_000), tone(440, 16_000)
    assert abs(found.size - want.size) <= 1
    inner = slice(400, min(found.size, want.size) - 400)
    assert np.abs(found[inner] - want[inner]).max() < 2e-3


def test_what_the_lower_rate_cannot_hold_is_taken_away():
    assert np.abs(wav.resampled(tone(12_000, 48_000), 48_000, 16_000)[400:-400]).max() < 2e-3


def test_a_long_sound_is_resampled_as_its_pieces():
    sound = np.random.default_rng(0).standard_normal(40_000).astype(np.float32)
    whole = wav.resampled(sound, 22_050, 16_000)
    assert whole.size == int(np.ceil(40_000 * 16_000 / 22_050))
    some = wav.resampled(sound[:30_000], 22_050, 16_000)
    assert (some[:20_000] == whole[:20_000]).all()


@pytest.mark.parametrize("cut", [0, 3, 11, 20, 35, 43])
def test_a_cut_header_is_refused(cut):
    with pytest.raises(CorruptData):
        wav.read(wav.write(tone(100, 16_000))[:cut])


def test_sound_that_ends_too_early_is_refused():
    with pytest.raises(CorruptData):
        wav.read(wav.write(tone(100, 16_000))[:-100])


def test_a_header_that_claims_hours_is_refused():
    file = bytearray(wav.write(tone(100, 16_000)))
    struct.pack_into("<I", file, 40, 0x7FFF_FFF0)
    with pytest.raises((ResourceExhausted, CorruptData)):
        wav.read(bytes(file))
    with pytest.raises(ResourceExhausted):
        wav.read(file_of(np.zeros(250 * 1000, "<i2"), rate=1000))


def test_other_sounds_are_refused_with_a_hint():
    for file in (file_of(np.zeros(8, np.uint8), width=1), file_of(np.zeros(12, "<i2"), channels=3)):
        with pytest.raises(Unsupported, match="WAV"):
            wav.read(file)
    with pytest.raises(CorruptData, match="samples a second"):
        wav.read(file_of(np.zeros(8, "<i2"), rate=3))
    with pytest.raises(CorruptData):
        wav.read(b"RIFF" + bytes(100))


def test_other_arrays_and_rates_are_refused():
    for sound in (np.zeros(4), np.zeros((2, 2), np.float32), np.float32([np.nan])):
        with pytest.raises(InvalidInput):
            wav.write(sound)
    with pytest.raises(InvalidInput):
        wav.write(np.zeros(4, np.float32), 10)
    with pytest.raises(InvalidInput):
        wav.read(wav.write(np.zeros(4, np.float32)), 1)
