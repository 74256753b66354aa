"""Next-token decoding: one causal pass a token. The exact law of the network, and the control for every other way."""

from __future__ import annotations

from collections.abc import Iterator
from typing import final

import numpy as np

from brain.backends.body import Body, CancelToken
from brain.base.messages import Settings
from brain.sampling.contract import DiscreteSampler, State, Task
from brain.sampling.discrete.record import Evidence, Record, silent
from brain.sampling.discrete.session import Session


@final
class NextToken(DiscreteSampler):
    """Each token is chosen by the causal law given all before it.

    Passes:  one for the prompt where it has more than one token, then one a token, the one that chose a stop included.
    Trace:   no canvas speaks; the commit log-probability is that of the choice.
    """

    name = "next-token"
    source = "Shannon 1948, A Mathematical Theory of Communication (the chain of conditional laws)"

    def states(self, body: Body, task: Task, settings: Settings, cancel: CancelToken | None) -> Iterator[State]:
        """One state after each pass."""
        session = Session(body, task, settings, cancel)
        record = Record(settings.max_tokens)
        if session.passes:
            yield record.state(session.passes)
        last = task.before[-1:]
        while True:
            choice = session.causal(last)
            last = choice.token
            if int(last[0]) in task.stop:
                yield record.state(session.passes, stopped="end")
                return
            law = (choice.log_prob, choice.entropy, choice.margin)
            record.settle(last, Evidence(*law, silent(1), choice.log_prob, np.zeros(1, dtype=np.int32)))
            if record.count == settings.max_tokens:
                yield record.state(session.passes, stopped="length")
                return
            yield record.state(session.passes)
