"""Promises of the arithmetic: logistic and isotonic regression, and the figures that judge them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from brain.base.errors import InvalidInput
from brain.uncertainty import figures, isotonic, logistic


def labelled(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Features, labels and their true chances, log-odds 2 a - 0.5 b + 1 of features of very different size."""
    chance = np.random.default_rng(seed)
    features = chance.normal(size=(n, 3)) * [1.0, 100.0, 0.0]
    truth = 1 / (1 + np.exp(-(2 * features[:, 0] - 0.005 * features[:, 1] + 1)))
    return features, chance.random(n) < truth, truth


def test_logistic_regression_finds_the_weights_that_made_the_labels() -> None:
    features, labels, _ = labelled(20_000)
    weights, bias = logistic.fit(features, labels)
    assert weights == pytest.approx([2, -0.005, 0], rel=0.1, abs=1e-3)
    assert bias == pytest.approx(1, rel=0.1)


def test_labels_that_a_line_parts_exactly_give_finite_weights() -> None:
    features = np.linspace(-1, 1, 40)[:, None]
    weights, bias = logistic.fit(features, features[:, 0] > 0)
    assert np.isfinite(weights).all()
    assert np.isfinite(bias)
    assert weights[0] > 0


@pytest.mark.parametrize("labels", [np.zeros(5, bool), np.ones(5, bool), np.zeros(0, bool)])
def test_labels_of_one_kind_are_refused(labels: np.ndarray) -> None:
    with pytest.raises(InvalidInput, match="one kind"):
        logistic.fit(np.zeros((len(labels), 2)), labels)


@given(st.integers(1, 300), st.integers(0, 99))
def test_isotonic_knots_rise_and_stay_within_chances(n: int, seed: int) -> None:
    chance = np.random.default_rng(seed)
    scores = np.round(chance.normal(size=n), 1)
    x, y = isotonic.fit(scores, chance.random(n) < 0.3)
    assert (np.diff(x) > 0).all()
    assert (np.diff(y) >= 0).all()
    assert (y >= 0).all()
    assert (y <= 1).all()


def test_isotonic_regression_mends_a_bent_probability() -> None:
    chance = np.random.default_rng(0)
    score = chance.random(20_000)
    labels = chance.random(20_000) < score**3
    x, y = isotonic.fit(score, labels)
    fresh = chance.random(20_000)
    wrong = chance.random(20_000) < fresh**3
    assert figures.calibration_error(np.interp(fresh, x, y), wrong) < 0.02
    assert figures.calibration_error(fresh, wrong) > 0.2


def test_a_chance_that_falls_with_the_score_becomes_one_level() -> None:
    scores = np.linspace(0, 1, 1000)
    _, y = isotonic.fit(scores, scores < 0.5)
    assert len(y) <= 2
    assert y == pytest.approx(0.5, abs=0.02)


def test_no_scores_are_refused() -> None:
    with pytest.raises(InvalidInput, match="no scores"):
        isotonic.fit(np.zeros(0), np.zeros(0, bool))


def test_a_true_chance_has_no_calibration_error_and_a_false_one_has_its_distance() -> None:
    _, labels, truth = labelled(50_000)
    assert figures.calibration_error(truth, labels) < 0.01
    assert figures.calibration_error(np.full(4, 0.9), np.array([True, False, False, False])) == pytest.approx(0.65)


def test_ranking_counts_pairs_and_halves_ties() -> None:
    score, wrong = np.array([0.1, 0.5, 0.5, 0.9]), np.array([False, False, True, True])
    assert figures.ranking(score, wrong) == pytest.approx((1 + 1 + 0.5 + 1) / 4)
    assert np.isnan(figures.ranking(score, np.ones(4, bool)))


@given(arrays(np.float64, 20, elements=st.floats(-5, 5)))
def test_correlation_knows_order_alone(values: np.ndarray) -> None:
    if len(set(values)) < 2:
        assert np.isnan(figures.correlation(values, values))
        return
    assert figures.correlation(values, np.arctan(values / 100)) == pytest.approx(1, abs=1e-6) or len(
        set(np.arctan(values / 100))
    ) != len(set(values))
    assert figures.correlation(values, -values) == pytest.approx(-1)


def test_equal_values_share_their_rank() -> None:
    assert figures.ranks(np.array([3.0, 1.0, 3.0, 2.0])).tolist() == [3.5, 1.0, 3.5, 2.0]
