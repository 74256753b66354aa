"""What has settled so far, with its evidence: a sampler's growing answer. It chooses nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar, final

import numpy as np
from numpy.typing import NDArray

from brain.backends.body import Floats, Tokens
from brain.sampling.contract import State, Trace

_Number = TypeVar("_Number", np.uint32, np.float32, np.int32)

NO_TOKENS: Tokens = np.zeros(0, dtype=np.uint32)
NO_FLOATS: Floats = np.zeros(0, dtype=np.float32)
NO_TOKENS.setflags(write=False)
NO_FLOATS.setflags(write=False)


@final
@dataclass(frozen=True)
class Evidence:
    """Evidence for some tokens, side by side, all [n], with the meaning of the fields of ``Trace``."""

    log_prob: Floats
    entropy: Floats
    margin: Floats
    draft_log_prob: Floats
    commit_log_prob: Floats
    changes: NDArray[np.int32]


def silent(count: int) -> Floats:
    """The log-probabilities [count] of a pass that did not speak: nan."""
    return np.full(count, np.nan, dtype=np.float32)


@final
class Record:
    """Settled tokens and their evidence, at most ``limit`` of them.

    States hold views that can never change, because what has settled is never written again; so a state costs the
    same however long the text is.
    """

    def __init__(self, limit: int) -> None:
        self.count = 0
        self._tokens = np.zeros(limit, dtype=np.uint32)
        self._floats = np.zeros((5, limit), dtype=np.float32)
        self._changes = np.zeros(limit, dtype=np.int32)

    def settle(self, tokens: Tokens, evidence: Evidence) -> None:
        """Append ``tokens`` [n] with their evidence."""
        here = slice(self.count, self.count + len(tokens))
        self._tokens[here] = tokens
        parts = (evidence.log_prob, evidence.entropy, evidence.margin)
        for row, values in zip(self._floats, (*parts, evidence.draft_log_prob, evidence.commit_log_prob), strict=True):
            row[here] = values
        self._changes[here] = evidence.changes
        self.count += len(tokens)

    def state(
        self, passes: int, canvas: Tokens = NO_TOKENS, confidence: Floats = NO_FLOATS, stopped: str = ""
    ) -> State:
        """Where the sampler stands, with the places that it works on."""
        settled = _frozen(self._tokens[: self.count])
        log_prob, entropy, margin, draft, commit = (_frozen(row[: self.count]) for row in self._floats)
        trace = Trace(log_prob, entropy, margin, draft, commit, _frozen(self._changes[: self.count]))
        return State(settled, canvas, confidence, trace, passes, stopped)


def _frozen(array: NDArray[_Number]) -> NDArray[_Number]:
    """The same numbers, read-only."""
    array.setflags(write=False)
    return array
