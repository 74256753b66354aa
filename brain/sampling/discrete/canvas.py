"""A canvas on its way from masks to tokens: what is open, how sure it was, and one step of opening. No passes here."""

from __future__ import annotations

from typing import Final, final

import numpy as np
from numpy.typing import NDArray

from brain.backends.body import Floats, Proposal, Tokens
from brain.base.messages import Settings
from brain.base.seeds import derive
from brain.noise.discrete.linear import Linear
from brain.noise.schedule import Schedule
from brain.sampling.contract import Task
from brain.sampling.discrete.orders import Look, order
from brain.sampling.discrete.record import NO_TOKENS, Evidence

_LAW: Final[Schedule] = Linear()


@final
class Canvas:
    """``places`` masked places between an anchor and what is known after them, opened in ``settings.steps`` steps.

    ``start`` is the absolute place of the anchor; it and ``settings.seed`` fix the chance of a random order. How many
    places a step opens at least is the linear masking law's; which, the order's. Open places never change. Places
    after an open stop token are never opened: they are not part of the text.
    """

    def __init__(
        self, task: Task, settings: Settings, anchor: Tokens, places: int, *, start: int, after: Tokens = NO_TOKENS
    ) -> None:
        self._task = task
        self._settings = settings
        self._order = order(settings.order)
        self._around = (anchor, after)
        self._start = start
        self._step = 0
        self._laws = np.zeros((3, places), dtype=np.float32)
        self._guess = np.zeros(places, dtype=np.uint32)
        self._changes = np.zeros(places, dtype=np.int32)
        self.hole = np.full(places, task.mask, dtype=np.uint32)

    @property
    def tokens(self) -> Tokens:
        """All that a pass sees: the anchor, the places, what is known after them."""
        return np.concatenate([self._around[0], self.hole, self._around[1]])

    @property
    def text(self) -> Tokens:
        """The places before the first open stop token; without one, all of them."""
        stops = np.flatnonzero(np.isin(self.hole, self._task.stop))
        return self.hole[: stops[0]] if len(stops) else self.hole

    @property
    def done(self) -> bool:
        """Whether no place of the text is masked any more."""
        return not bool(np.any(self._closed()))

    @property
    def confidence(self) -> Floats:
        """The chance [places] that each open place was chosen with, 0 where masked."""
        return np.where(self.hole == self._task.mask, np.float32(0), np.exp(self._laws[0])).astype(np.float32)

    def open(self, belief: Proposal) -> None:
        """Take one step: open some masked places of the text with the choices of ``belief`` [at least places]."""
        self._step += 1
        places = np.flatnonzero(self._closed())
        choice = belief.token[: len(self.hole)]
        if self._step > 1:
            self._changes[places] += choice[places] != self._guess[places]
        self._guess = choice
        laws = np.stack([belief.log_prob, belief.entropy, belief.margin])[:, : len(self.hole)]
        log_prob, entropy, margin = laws[:, places]
        look = Look(log_prob, entropy, margin, self._due(len(places)), self._settings.entropy_bound)
        picked = places[self._order(look, self._chance())]
        self.hole[picked] = choice[picked]
        self._laws[:, picked] = laws[:, picked]

    def evidence(self, commit_log_prob: Floats) -> Evidence:
        """Evidence for the text; the canvas chose it, so its draft log-probability is that of the choice."""
        n = len(self.text)
        laws = (self._laws[0, :n], self._laws[1, :n], self._laws[2, :n])
        return Evidence(*laws, self._laws[0, :n], commit_log_prob, self._changes[:n])

    def _closed(self) -> NDArray[np.bool_]:
        """Which places [places] are masked and part of the text."""
        closed: NDArray[np.bool_] = self.hole == self._task.mask
        closed[len(self.text) :] = False
        return closed

    def _due(self, closed: int) -> int:
        """How many places the masking law opens at this step, at least one and at most those that are closed."""
        steps = min(self._settings.steps, len(self.hole))
        masked = _LAW.masked_after(min(self._step, steps), steps, len(self.hole))
        now = int(np.count_nonzero(self.hole == self._task.mask))
        return min(max(now - masked, 1), closed)

    def _chance(self) -> np.random.Generator:
        """The chance of this step's order."""
        return np.random.default_rng(derive(self._settings.seed, "order", self._start, self._step))
