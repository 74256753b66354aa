"""Promises of pictures: straight and premultiplied alpha, the decoder behind one door, models without one refused."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from brain.base.errors import Cancelled, InvalidInput, Unsupported
from brain.latent import png
from brain.latent.picture import Pictures, premultiplied, straight
from brain.native.cancel import CancelToken

BASE = Path(__file__).resolve().parents[3] / "brain" / "pretrained" / "base"
JSON = (BASE / "score.json").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def pictures():
    return Pictures(BASE, JSON, 2)


@pytest.fixture(scope="module")
def latents():
    return np.random.default_rng(0).standard_normal((2, 256, 32)).astype(np.float32)


def every_pair():
    """Every colour with every alpha."""
    colour, alpha = np.mgrid[:256, :256]
    return np.stack([colour, colour, colour, alpha], axis=2).astype(np.uint8)


def test_straight_alpha_comes_back_from_premultiplied_where_alpha_is_whole_and_is_close_elsewhere():
    pixels = every_pair()
    found = straight(premultiplied(pixels))
    alpha = pixels[..., 3]
    assert (found[..., 3] == alpha).all()
    assert (found[alpha == 255] == pixels[alpha == 255]).all()
    off = np.abs(found[..., 0].astype(int) - pixels[..., 0])
    assert (off[alpha > 0] <= np.ceil(127.5 / alpha[alpha > 0])).all()
    assert (found[alpha == 0] == 0).all()


def test_premultiplied_comes_back_from_straight_to_the_bit():
    pixels = every_pair()
    whole = pixels[pixels[..., 0] <= pixels[..., 3]]
    assert (premultiplied(straight(whole)) == whole).all()


def test_premultiplied_rounds_to_the_nearest():
    pixels = every_pair()
    exact = pixels[..., 0].astype(float) * pixels[..., 3] / 255
    assert np.abs(premultiplied(pixels)[..., 0] - exact).max() <= 0.5


def test_colours_above_alpha_are_refused(pictures):
    wrong = np.full((1, 512, 512, 4), [9, 0, 0, 8], np.uint8)
    with pytest.raises(InvalidInput, match="premultiplied"):
        straight(wrong)
    with pytest.raises(InvalidInput, match="premultiplied"):
        pictures.latents(wrong)
    with pytest.raises(InvalidInput):
        premultiplied(wrong.astype(np.float32))


def test_a_latent_becomes_a_png_with_straight_alpha(pictures, latents):
    pixels = pictures.pixels(latents)
    assert pixels.shape == (2, 512, 512, 4) and pixels.dtype == np.uint8
    assert (pixels[..., :3] <= pixels[..., 3:]).all()
    read = png.read(pictures.png(latents[1]))
    assert (premultiplied(read) == pixels[1]).all()


def test_a_decoded_picture_is_encoded_near_where_it_came_from(pictures):
    blue = np.zeros((1, 512, 512, 4), np.uint8)
    blue[:, 100:400, 100:400] = [10, 20, 200, 255]
    found = pictures.pixels(pictures.latents(blue))
    off = (found.astype(float) - blue) / 255
    assert -10 * np.log10((off**2).mean()) > 25


def test_calls_are_withdrawn_and_wrong_arrays_refused(pictures, latents):
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        pictures.pixels(latents, token)
    for wrong in (latents[0], latents[:, :255], latents.astype(np.float64), latents[:, :, ::2], latents[:0]):
        with pytest.raises(InvalidInput):
            pictures.pixels(wrong)
    broken = latents.copy()
    broken[1, 7, 3] = np.nan
    with pytest.raises(InvalidInput, match="NaN"):
        pictures.pixels(broken)
    with pytest.raises(InvalidInput):
        pictures.latents(np.zeros((1, 512, 511, 4), np.uint8))


def test_a_model_without_an_encoder_decodes_and_says_what_is_missing(tmp_path, latents):
    shutil.copy(BASE / "weights.arrow", tmp_path)
    pictures = Pictures(tmp_path, JSON, 1)
    assert pictures.pixels(latents[:1]).shape == (1, 512, 512, 4)
    with pytest.raises(Unsupported) as refused:
        pictures.latents(np.zeros((1, 512, 512, 4), np.uint8))
    assert "image.encoder" in refused.value.hint
