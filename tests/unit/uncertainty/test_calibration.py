"""Promises of the calibration's file and of what it does to evidence."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from brain.base.errors import CorruptData, StorageFailed
from brain.sampling.contract import Trace
from brain.uncertainty.calibration import FEATURES, FILE, FORMAT, Calibration, Table, from_json, to_json
from brain.uncertainty.estimator import features, token_uncertainty

TABLE = Table((1.0, *[0.0] * (len(FEATURES) - 1)), 0.5, (-2.0, 0.0, 3.0), (0.1, 0.4, 0.9), {"ece": 0.01})
CALIBRATION = Calibration({"block": TABLE}, {"documents": 3})


def trace(*log_probs: float, draft: float = np.nan, commit: float = np.nan) -> Trace:
    n = len(log_probs)
    fill = [np.full(n, value, dtype=np.float32) for value in (0.5, 0.25, draft, commit)]
    return Trace(np.array(log_probs, dtype=np.float32), *fill, np.full(n, 5, dtype=np.int32))


def test_a_calibration_reads_back_as_it_was_written(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text(to_json(CALIBRATION))
    assert Calibration.load(tmp_path) == CALIBRATION


def test_a_folder_without_one_has_none(tmp_path: Path) -> None:
    assert Calibration.load(tmp_path) is None


def test_a_probability_lies_on_the_line_between_knots_and_flat_outside() -> None:
    score = np.zeros((5, len(FEATURES)))
    score[:, 0] = np.array([-9, -2, -1, 3, 9]) - 0.5
    assert TABLE.apply(score) == pytest.approx([0.1, 0.1, 0.25, 0.9, 0.9])


def test_without_a_table_uncertainty_is_one_minus_the_probability() -> None:
    one = trace(np.log(0.25), 0.0)
    assert token_uncertainty(one, None, "block") == pytest.approx([0.75, 0.0])
    assert token_uncertainty(one, CALIBRATION, "another") == pytest.approx([0.75, 0.0])
    assert token_uncertainty(one, CALIBRATION, "block") == pytest.approx(TABLE.apply(features(one)))


def test_no_tokens_have_no_uncertainty() -> None:
    assert features(trace()).shape == (0, len(FEATURES))
    assert token_uncertainty(trace(), CALIBRATION, "block").shape == (0,)


def test_features_are_finite_whatever_the_evidence() -> None:
    for value in (0.0, -1e-9, -0.5, -200.0, -np.inf):
        for draft in (np.nan, 0.0, -300.0):
            assert np.isfinite(features(trace(value, draft=draft, commit=draft))).all()


def test_features_say_what_each_pass_believed_and_whether_it_spoke() -> None:
    row = dict(zip(FEATURES, features(trace(np.log(0.25), draft=np.log(0.5)))[0], strict=True))
    assert row["doubt"] == pytest.approx(np.log(3), abs=1e-6)
    assert row["draft_doubt"] == pytest.approx(0, abs=1e-6)
    assert (row["drafted"], row["commit_doubt"], row["changes"]) == (1.0, 0.0, 3.0)


def altered(**change: object) -> str:
    document = json.loads(to_json(CALIBRATION))
    document["ways"]["block"].update(change)
    return json.dumps(document)


HOSTILE = {
    "no JSON": "{",
    "deep JSON": "[" * 100_000,
    "a list": "[]",
    "another format": json.dumps({"format": "aios-uncertainty/9"}),
    "other features": json.dumps({"format": FORMAT, "features": ["mood"], "ways": {}}),
    "no ways": json.dumps({"format": FORMAT, "features": FEATURES, "ways": []}),
    "a way that is no table": json.dumps({"format": FORMAT, "features": FEATURES, "ways": {"block": 3}}),
    "too few weights": altered(weights=[1.0]),
    "weights that are words": altered(weights=["1"] * len(FEATURES)),
    "no weights": altered(weights=None),
    "a bias that is no number": altered(bias=None),
    "a bias that is true": altered(bias=True),
    "a bias beyond all sense": altered(bias=10**400),
    "a bias that is not a number": altered(bias=float("nan")),
    "no knots": altered(knots=[]),
    "knots that are numbers": altered(knots=[1.0]),
    "knots of three": altered(knots=[[0, 0, 0]]),
    "knots that fall": altered(knots=[[0, 0.5], [1, 0.4]]),
    "knots that stand": altered(knots=[[0, 0.4], [0, 0.5]]),
    "knots above one": altered(knots=[[0, 1.5]]),
    "knots below nothing": altered(knots=[[0, -0.5]]),
    "figures that are a list": altered(figures=[]),
    "figures that are words": altered(figures={"ece": "low"}),
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_file_is_refused_by_its_name(text: str) -> None:
    with pytest.raises(CorruptData, match=r"^here\.json"):
        from_json(text, "here.json")


def test_a_file_that_is_too_large_or_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"\xff" * 10)
    with pytest.raises(CorruptData, match="UTF-8"):
        Calibration.load(tmp_path)
    (tmp_path / FILE).write_bytes(b" " * ((1 << 20) + 1))
    with pytest.raises(CorruptData, match="larger"):
        Calibration.load(tmp_path)


def test_a_file_that_cannot_be_read_names_itself(tmp_path: Path) -> None:
    (tmp_path / FILE).mkdir()
    with pytest.raises(StorageFailed, match=FILE):
        Calibration.load(tmp_path)
