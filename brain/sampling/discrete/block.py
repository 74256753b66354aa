"""Block diffusion: masks open in a few canvas passes, then a causal pass commits the block and gives an anchor."""

from __future__ import annotations

from collections.abc import Iterator
from typing import final

import numpy as np

from brain.backends.body import Body, CancelToken, Proposal, Tokens
from brain.base.messages import Settings
from brain.sampling.contract import DiscreteSampler, State, Task
from brain.sampling.discrete.canvas import Canvas
from brain.sampling.discrete.record import Evidence, Record, silent
from brain.sampling.discrete.session import Session


@final
class Block(DiscreteSampler):
    """``settings.block`` tokens a block: its places after the anchor from the canvas, the next anchor from the commit.

    With ``order`` "random" and a step a place, the text has the law of the any-order model; fewer steps choose places
    apart from each other and give speed for that. ``steps`` beyond the places of a block are not taken.

    Passes:  one for the prompt where it has more than one token; each block up to ``settings.steps`` and one commit
             (none where the block's text is empty).
    Trace:   laws are the canvas' at the step that opened a place; ``commit_log_prob`` is the causal pass' over the
             whole vocabulary; anchors are the commit's own, so no canvas speaks of them.
    Source:  Arriola et al. 2025, arXiv:2503.09573 (block diffusion); Chang et al. 2022, arXiv:2202.04200 (orders).
    """

    name = "block"
    source = "Arriola et al. 2025, arXiv:2503.09573"

    def states(self, body: Body, task: Task, settings: Settings, cancel: CancelToken | None) -> Iterator[State]:
        """One state after each pass, the block's canvas behind the settled text."""
        session = Session(body, task, settings, cancel)
        record = Record(settings.max_tokens)
        if session.passes:
            yield record.state(session.passes)
        anchor = task.before[-1:]
        while True:
            places = min(settings.block - 1, settings.max_tokens - record.count)
            canvas = Canvas(task, settings, anchor, places, start=session.prefix.length)
            while not canvas.done:
                canvas.open(session.canvas(canvas.tokens))
                yield record.state(session.passes, canvas.hole.copy(), canvas.confidence)
            text = canvas.text.copy()
            stopped = "end" if len(text) < places else ""
            if len(text):
                commit = session.causal(np.concatenate([anchor, text]), [*text.tolist(), -1])
                record.settle(text, canvas.evidence(commit.target_log_prob[:-1]))
                anchor = commit.token[-1:]
                stopped = stopped or _end(record, commit, anchor, task, settings.max_tokens)
            yield record.state(session.passes, stopped=stopped)
            if stopped:
                return


def _end(record: Record, commit: Proposal, anchor: Tokens, task: Task, limit: int) -> str:
    """Settle the commit's next anchor where there is room and it is no stop token; why the text ends, or ""."""
    if record.count == limit:
        return "length"
    if int(anchor[0]) in task.stop:
        return "end"
    law = (commit.log_prob[-1:], commit.entropy[-1:], commit.margin[-1:])
    record.settle(anchor, Evidence(*law, silent(1), commit.log_prob[-1:], np.zeros(1, dtype=np.int32)))
    return "length" if record.count == limit else ""
