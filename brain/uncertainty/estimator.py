"""From the evidence of a token to its uncertainty: the features, and the one call that core makes. It fits nothing."""

from __future__ import annotations

from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from brain.uncertainty.calibration import FEATURES, Calibration

Floats32 = NDArray[np.float32]
Floats64 = NDArray[np.float64]

_DOUBT_LIMIT: Final = 12.0


class Signals(Protocol):
    """Evidence for n tokens, side by side; the fields mean what they mean in ``sampling.contract.Trace``."""

    @property
    def log_prob(self) -> Floats32:
        """Of the pass that chose the token, nats."""

    @property
    def entropy(self) -> Floats32:
        """Of the same law, nats."""

    @property
    def margin(self) -> Floats32:
        """p(first) - p(second) of the same law."""

    @property
    def draft_log_prob(self) -> Floats32:
        """The canvas', nan where none spoke."""

    @property
    def commit_log_prob(self) -> Floats32:
        """The causal pass', nan where none spoke."""

    @property
    def changes(self) -> NDArray[np.int32]:
        """How often the first choice changed."""


def features(signals: Signals) -> Floats64:
    """The evidence as columns [n, len(FEATURES)].

    A doubt is the log-odds ln((1 - p) / p) of a probability being wrong, within -12..12; where a pass did not speak
    it is 0, and ``drafted`` says whether the canvas did. ``changes`` counts to 3.
    """
    draft, commit = (np.asarray(one, dtype=np.float64) for one in (signals.draft_log_prob, signals.commit_log_prob))
    columns = (
        _doubt(np.asarray(signals.log_prob, dtype=np.float64)),
        np.asarray(signals.entropy, dtype=np.float64),
        np.asarray(signals.margin, dtype=np.float64),
        np.where(np.isnan(commit), 0.0, _doubt(np.nan_to_num(commit))),
        np.where(np.isnan(draft), 0.0, _doubt(np.nan_to_num(draft))),
        np.where(np.isnan(draft), 0.0, 1.0),
        np.minimum(np.asarray(signals.changes, dtype=np.float64), 3.0),
    )
    return np.stack(columns, axis=1).reshape(-1, len(FEATURES))


def token_uncertainty(signals: Signals, calibration: Calibration | None, way: str) -> Floats32:
    """For each token [n] the chance, 0..1, that a held-out writer would have gone on with another one.

    Without a calibration, or for a way that it does not know, it is one minus the probability of the choice.
    """
    table = None if calibration is None else calibration.ways.get(way)
    if table is None:
        return (1.0 - np.exp(np.asarray(signals.log_prob, dtype=np.float64))).astype(np.float32)
    return table.apply(features(signals)).astype(np.float32)


def _doubt(log_prob: Floats64) -> Floats64:
    """ln((1 - p) / p) of p = exp(log_prob), exact near p = 1 and cut at ±12."""
    with np.errstate(divide="ignore"):
        odds = np.log(-np.expm1(np.minimum(log_prob, 0.0))) - log_prob
    return np.asarray(np.clip(odds, -_DOUBT_LIMIT, _DOUBT_LIMIT))
