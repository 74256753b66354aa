"""Promises of the absorbing corruption."""

from __future__ import annotations

import numpy as np
import pytest

from brain.noise.discrete.absorbing import Absorbing
from brain.noise.discrete.cosine import Cosine

MASK = 3
TEXT = np.arange(10, 20_010, dtype=np.uint32).reshape(2, -1)


def corrupted(t: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    made = Absorbing(Cosine(), MASK).corrupt(TEXT, t, np.random.default_rng(seed))
    return made.tokens, made.noisy


def test_exactly_the_noisy_places_are_masks_and_the_others_are_as_they_were() -> None:
    tokens, noisy = corrupted(0.6)
    assert np.array_equal(tokens == MASK, noisy)
    assert np.array_equal(tokens[~noisy], TEXT[~noisy])
    assert tokens.dtype == np.uint32


def test_nothing_is_masked_at_time_zero_and_everything_at_time_one() -> None:
    assert not corrupted(0)[1].any()
    assert corrupted(1)[1].all()


def test_the_share_of_masks_is_that_of_the_law() -> None:
    _, noisy = corrupted(0.5)
    assert noisy.mean() == pytest.approx(1 - Cosine().alpha(0.5), abs=0.02)


def test_the_same_chance_masks_the_same_places_and_leaves_the_text_alone() -> None:
    before = TEXT.copy()
    assert np.array_equal(corrupted(0.5)[1], corrupted(0.5)[1])
    assert not np.array_equal(corrupted(0.5)[1], corrupted(0.5, seed=1)[1])
    assert np.array_equal(TEXT, before)


def test_a_clean_text_that_holds_the_mask_is_refused() -> None:
    with pytest.raises(ValueError, match="hold the mask 3"):
        Absorbing(Cosine(), MASK).corrupt(np.array([5, 3], dtype=np.uint32), 0.5, np.random.default_rng(0))
