"""The noise of sampling: its law, and that it is a pure function."""

from __future__ import annotations

import numpy as np
import pytest

from brain.backends.gumbel import gumbel, uniforms

EVERY = np.arange(8192)


def test_noise_is_a_function_of_seed_place_and_token():
    noise = gumbel(7, 100, EVERY)
    np.testing.assert_array_equal(noise, gumbel(7, 100, EVERY))
    np.testing.assert_array_equal(noise[[5, 3]], gumbel(7, 100, np.array([5, 3])))
    for seed, place in ((8, 100), (7, 101)):
        other = gumbel(seed, place, EVERY)
        assert not (noise == other).any()
        assert abs(np.corrcoef(noise, other)[0, 1]) < 0.05


def test_noise_has_the_mean_and_variance_of_a_gumbel_law():
    draws = np.concatenate([gumbel(3, place, EVERY) for place in range(50)])
    assert draws.mean() == pytest.approx(np.euler_gamma, abs=0.01)
    assert draws.var() == pytest.approx(np.pi**2 / 6, abs=0.03)


def test_uniforms_fill_the_unit_interval_evenly():
    draws = np.concatenate([uniforms(1, place, EVERY) for place in range(50)])
    assert draws.min() > 0
    assert draws.max() < 1
    counts, _ = np.histogram(draws, 64, (0, 1))
    expected = len(draws) / 64
    assert ((counts - expected) ** 2 / expected).sum() < 110


def test_the_arg_max_of_noisy_scores_follows_their_softmax():
    logits = np.array([1.0, 0.0, -1.0, 2.0, 0.5])
    wins = [int((logits + gumbel(11, place, np.arange(5))).argmax()) for place in range(20_000)]
    want = np.exp(logits) / np.exp(logits).sum()
    np.testing.assert_allclose(np.bincount(wins, minlength=5) / 20_000, want, atol=0.015)


def test_seeds_and_places_count_modulo_the_word():
    np.testing.assert_array_equal(uniforms(2**64 - 1, -1, EVERY), uniforms(2**64 - 1, 2**64 - 1, EVERY))
    assert np.isfinite(gumbel(2**64 - 1, -1, EVERY)).all()
