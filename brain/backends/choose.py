"""How a token is chosen from whole rows of scores, in NumPy: the plain truth of a Proposal. It computes no scores."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from brain.backends.body import Choice, Floats, Proposal
from brain.backends.gumbel import gumbel
from brain.base.errors import InvalidInput
from brain.base.seeds import SEED_LIMIT

COLDEST: Final = 1e-3
HOTTEST: Final = 100.0

Targets = NDArray[np.int64]


def check_choice(choice: Choice, vocabulary: int) -> None:
    """Refuse a choice that cannot be made; InvalidInput names the value."""
    if choice.temperature != 0.0 and not COLDEST <= choice.temperature <= HOTTEST:
        raise InvalidInput(
            f"temperature {choice.temperature} is not 0 or in [{COLDEST}, {HOTTEST}]", field="temperature"
        )
    if not 0.0 <= choice.min_p <= 1.0:
        raise InvalidInput(f"min_p {choice.min_p} is not in [0, 1]", field="min_p")
    if not 0 <= choice.seed < SEED_LIMIT:
        raise InvalidInput(f"seed {choice.seed} is not in 0 .. 2**64 - 1", field="seed")
    for token in choice.forbid:
        if not 0 <= token < vocabulary:
            raise InvalidInput(f"forbidden token {token} is not in 0 .. {vocabulary - 1}", field="forbid")
    if len(set(choice.forbid)) == vocabulary:
        raise InvalidInput("every token is forbidden", field="forbid")


def propose(logits: Floats, rows: Floats, choice: Choice, targets: Targets | None) -> Proposal:
    """What scores ``logits`` [L, vocabulary] say of the place after each of ``rows`` [L] (positions).

    Sums in float64, nats at temperature 1; the arg-max goes to the lower id. Raises InvalidInput for a score that is
    not finite. Cost: L x vocabulary exponentials, and as many hashes when sampling.
    """
    if not np.isfinite(logits).all():
        raise InvalidInput("a score is not finite", hint="are the weights whole?")
    exact = logits.astype(np.float64)
    whole = _log_sum(exact)
    allowed = exact.copy()
    allowed[:, list(choice.forbid)] = -np.inf
    log_prob = allowed - _log_sum(allowed)[:, None]
    probability = np.exp(log_prob)
    token = _chosen(allowed, rows, choice)
    first_two = -np.partition(-probability, 1, axis=1)[:, :2]
    surprise = probability * np.where(probability > 0, log_prob, 0.0)
    return Proposal(
        token=token.astype(np.uint32),
        log_prob=log_prob[np.arange(len(token)), token].astype(np.float32),
        entropy=np.maximum(-surprise.sum(1), 0.0).astype(np.float32),
        margin=(first_two[:, 0] - first_two[:, 1]).astype(np.float32),
        target_log_prob=_of_targets(exact - whole[:, None], targets),
    )


def scored_place(row: float) -> int:
    """The absolute place that a row at position ``row`` speaks of: the next, rounded, halves away from 0."""
    return math.trunc(row + 1.0 + math.copysign(0.5, row + 1.0))


def _log_sum(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """ln of the sum of exp over each row [L]."""
    top = logits.max(1)
    total: NDArray[np.float64] = top + np.log(np.exp(logits - top[:, None]).sum(1))
    return total


def _chosen(allowed: NDArray[np.float64], rows: Floats, choice: Choice) -> Targets:
    """The token of each row: the arg-max, or the winner of the Gumbel race among those that min_p leaves in."""
    temperature = float(np.float32(choice.temperature))
    if temperature == 0.0:
        best: Targets = allowed.argmax(1).astype(np.int64)
        return best
    with np.errstate(divide="ignore"):
        least = allowed.max(1) + np.log(np.float64(np.float32(choice.min_p)))
    raced = np.where(allowed >= least[:, None], allowed / temperature, -np.inf)
    every = np.arange(allowed.shape[1], dtype=np.uint64)
    noise = [gumbel(choice.seed, scored_place(float(row)), every) for row in rows]
    winner: Targets = (raced + np.stack(noise)).argmax(1).astype(np.int64)
    return winner


def _of_targets(log_prob: NDArray[np.float64], targets: Targets | None) -> Floats:
    """The log-probability of each asked token over the whole vocabulary, nan where none was asked."""
    found = np.full(len(log_prob), np.nan, dtype=np.float32)
    if targets is not None:
        asked = np.flatnonzero(targets >= 0)
        found[asked] = log_prob[asked, targets[asked]].astype(np.float32)
    return found
