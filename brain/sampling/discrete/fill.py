"""Infilling: one canvas from the last token before a hole to the known text after it, of a given or a tried length."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, final

import numpy as np
from numpy.typing import NDArray

from brain.backends.body import Body, CancelToken, Prefix, Proposal, See, TextPass, Tokens
from brain.base.errors import InvalidInput
from brain.base.messages import Settings
from brain.sampling.contract import DiscreteSampler, State, Task
from brain.sampling.discrete.canvas import Canvas
from brain.sampling.discrete.record import NO_TOKENS, Record
from brain.sampling.discrete.session import Session

LENGTHS: Final = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32)
"""The lengths that are tried for a hole of unknown length: close together where one token matters much."""
REACH: Final = 256
"""Tokens after a hole that its canvas sees."""
REACH_TRYING: Final = 64
"""The same while several lengths are tried, for each of them pays for it."""
TAIL: Final = 16
"""Tokens after a hole that judge a length: how well the known text goes on from what was filled in."""


@final
class Fill(DiscreteSampler):
    """Opens the places of one canvas, both sides seen, in ``settings.steps`` steps; no stop token may be chosen.

    A hole of 0 tries every length of ``LENGTHS`` up to ``settings.max_tokens``, all in the same passes, and keeps the
    one with the highest causal log-probability *per token* of the filling and the next ``TAIL`` known tokens. The known
    tokens are counted in because a filling that reads well but does not lead on to them is no filling; the mean is
    taken because a sum would always prefer the shortest. Causal scores are used because those of the canvas are each
    given other places of the same canvas, and do not multiply to the probability of a text.

    Passes:  one for the text before the hole where it has more than one token, up to ``settings.steps`` canvas
             passes, one causal pass. Lengths tried side by side share their passes.
    Trace:   laws are the canvas' at the step that opened a place; the commit log-probability is that of the
             causal pass, which saw nothing after the hole.
    Source:  Donahue et al. 2020, arXiv:2005.05339 (infilling); the canvas and the choice of length are our own design.
    """

    name = "fill"
    source = "Donahue et al. 2020, arXiv:2005.05339"

    def states(self, body: Body, task: Task, settings: Settings, cancel: CancelToken | None) -> Iterator[State]:
        """One state after each pass; its canvas is the hole, for several lengths that of the surest so far."""
        session = Session(body, task, settings, cancel, filling=True)
        lengths = _lengths(task, settings)
        record = Record(max(lengths))
        if session.passes:
            yield record.state(session.passes)
        after = task.after[: REACH if len(lengths) == 1 else REACH_TRYING] if task.after is not None else NO_TOKENS
        start = session.prefix.length
        tried = [Canvas(task, settings, task.before[-1:], n, start=start, after=after) for n in lengths]
        forks = session.forks(len(tried))
        while not all(one.done for one in tried):
            _step(session, tried, forks, task.stop)
            best = max(tried, key=_sureness)
            yield record.state(session.passes, best.hole.copy(), best.confidence)
        scores = _commit(session, tried, forks, task.before[-1:], after[:TAIL])
        kept = int(np.argmax([float(score.mean()) for score in scores]))
        record.settle(tried[kept].hole, tried[kept].evidence(scores[kept][: lengths[kept]]))
        yield record.state(session.passes, stopped="hole")


def _lengths(task: Task, settings: Settings) -> list[int]:
    """The length that is asked for, or those to try."""
    if task.hole < 0:
        raise InvalidInput(f"a hole of {task.hole} tokens", hint="0 tries several lengths", field="hole_tokens")
    if task.hole > 0:
        return [task.hole]
    return [n for n in LENGTHS if n <= settings.max_tokens]


def _step(session: Session, tried: list[Canvas], forks: list[Prefix], stop: tuple[int, ...]) -> None:
    """One pass over the canvases that are not done, and one step of each."""
    going = [(one, fork) for one, fork in zip(tried, forks, strict=True) if not one.done]
    passes = [TextPass(fork, one.tokens, See.CANVAS) for one, fork in going]
    for (one, _), belief in zip(going, session.propose(passes, stop), strict=True):
        one.open(belief)


def _commit(
    session: Session, tried: list[Canvas], forks: list[Prefix], anchor: Tokens, tail: Tokens
) -> list[NDArray[np.float32]]:
    """Causal log-probabilities of each filling and of the known tokens after it, [length + tail] each."""
    texts = [np.concatenate([one.hole, tail]) for one in tried]
    passes = [
        TextPass(fork, np.concatenate([anchor, text[:-1]]), See.CAUSAL, text.astype(np.int64))
        for text, fork in zip(texts, forks, strict=True)
    ]
    made: list[Proposal] = session.propose(passes)
    return [one.target_log_prob for one in made]


def _sureness(canvas: Canvas) -> float:
    """The mean confidence of a canvas, masked places counting nothing."""
    return float(canvas.confidence.mean())
