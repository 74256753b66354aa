"""Self-speculation: a canvas pass drafts, a causal pass verifies. Next-token's exact tokens, in fewer passes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from brain.backends.body import Body, CancelToken, Floats, Proposal, Tokens
from brain.base.messages import Settings
from brain.sampling.contract import DiscreteSampler, State, Task
from brain.sampling.discrete.record import NO_FLOATS, NO_TOKENS, Evidence, Record, silent
from brain.sampling.discrete.session import Session
from brain.sampling.policy import DraftLength


@final
@dataclass(frozen=True)
class Draft:
    """What the canvas believes of the places after the anchor: ``tokens`` [n] and their ``log_prob`` [n]."""

    tokens: Tokens
    log_prob: Floats


@final
class Speculate(DiscreteSampler):
    """Draft with the canvas, choose with the causal law, keep what agrees and one token more.

    The causal pass over anchor and draft scores every drafted place as next-token decoding would, with the same noise
    of (seed, place), so each choice is next-token's own as long as the draft before it was. The first choice that
    differs from the draft is settled too and becomes the next anchor; the prefix forgets what was not. So the tokens
    are next-token's for every seed, temperature and draft length, on any body whose causal passes do not depend on
    what else is in them.

    Passes:  as next-token, but two a round of 1 to ``settings.block`` tokens. ``steps`` and ``order`` are not used.
    Trace:   laws are the causal ones; ``draft_log_prob`` is the canvas' for an accepted token and nan for others;
             ``changes`` is 1 where the canvas had drafted another token.
    Source:  Leviathan et al. 2022, arXiv:2211.17192 (verification in one pass); Daliri et al. 2024, arXiv:2408.07978
             (agreement by common Gumbel noise); drafts of one's own canvas: Samragh et al. 2025, arXiv:2507.11851.
    """

    name = "speculate"
    source = "Leviathan et al. 2022, arXiv:2211.17192; Daliri et al. 2024, arXiv:2408.07978"

    def states(self, body: Body, task: Task, settings: Settings, cancel: CancelToken | None) -> Iterator[State]:
        """One state after each pass; after a draft its canvas stands behind the settled text."""
        session = Session(body, task, settings, cancel)
        record = Record(settings.max_tokens)
        if session.passes:
            yield record.state(session.passes)
        anchor = task.before[-1:]
        length = DraftLength(settings.block)
        while True:
            draft = Draft(NO_TOKENS, NO_FLOATS)
            if (places := length.places(settings.max_tokens - record.count)) > 0:
                draft = _draft(session, anchor, places, task)
                yield record.state(session.passes, draft.tokens, np.exp(draft.log_prob))
            start = session.prefix.length
            verdict = session.causal(np.concatenate([anchor, draft.tokens]))
            settled = _agreed(draft, verdict) + 1
            length.saw(len(draft.tokens), settled - 1)
            session.prefix.truncate(start + settled)
            ended = _settle(record, draft, verdict, settled, task.stop)
            stopped = "end" if ended else "length" if record.count == settings.max_tokens else ""
            yield record.state(session.passes, stopped=stopped)
            if stopped:
                return
            anchor = verdict.token[settled - 1 : settled]


def _draft(session: Session, anchor: Tokens, places: int, task: Task) -> Draft:
    """One canvas pass over the anchor and ``places`` masks; the draft ends before its first stop token."""
    masks = np.full(places, task.mask, dtype=np.uint32)
    belief = session.canvas(np.concatenate([anchor, masks]))
    tokens = belief.token[:places]
    stops = np.flatnonzero(np.isin(tokens, task.stop))
    kept = int(stops[0]) if len(stops) else places
    return Draft(tokens[:kept], belief.log_prob[:kept])


def _agreed(draft: Draft, verdict: Proposal) -> int:
    """How many drafted tokens, from the first on, are the causal choice."""
    differs = np.flatnonzero(verdict.token[: len(draft.tokens)] != draft.tokens)
    return int(differs[0]) if len(differs) else len(draft.tokens)


def _settle(record: Record, draft: Draft, verdict: Proposal, count: int, stop: tuple[int, ...]) -> bool:
    """Settle the first ``count`` causal choices, up to a stop token; whether there was one."""
    stops = np.flatnonzero(np.isin(verdict.token[:count], stop))
    kept = int(stops[0]) if len(stops) else count
    agreed = min(kept, count - 1)
    drafted = silent(kept)
    drafted[:agreed] = draft.log_prob[:agreed]
    changes = np.zeros(kept, dtype=np.int32)
    changes[agreed : len(draft.tokens)] = 1
    law = (verdict.log_prob[:kept], verdict.entropy[:kept], verdict.margin[:kept])
    record.settle(verdict.token[:kept], Evidence(*law, drafted, verdict.log_prob[:kept], changes))
    return bool(len(stops))
