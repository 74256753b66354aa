"""Evidence on held-out text: what each way to decode would have seen at each token, its past being the text's own.

The choice at each place is compared with the text's next token; then the text's token is put in its place and it goes
on from there (teacher forcing). So evidence has the form that generation gives it, and the label is exact; what is
not measured is how the model fares after a mistake of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, final

import numpy as np
from numpy.typing import NDArray

from brain.backends.body import Body, Choice, Prefix, Proposal, See, TextPass, Tokens
from brain.noise.discrete.linear import Linear

Floats32 = NDArray[np.float32]


@final
@dataclass(frozen=True)
class Seen:
    """Evidence [n] as in ``sampling.contract.Trace``, the ``choice`` [n] and the text's own token ``truth`` [n]."""

    log_prob: Floats32
    entropy: Floats32
    margin: Floats32
    draft_log_prob: Floats32
    commit_log_prob: Floats32
    changes: NDArray[np.int32]
    choice: Tokens
    truth: Tokens


@final
@dataclass(frozen=True)
class Reading:
    """A text read once by the causal law: ``prefix`` holds all of ``text`` [n]; ``law`` speaks of places 1..n."""

    body: Body
    text: Tokens
    prefix: Prefix
    law: Proposal
    choice: Choice
    chance: np.random.Generator

    def before(self, length: int) -> Prefix:
        """The prefix of the first ``length`` tokens."""
        prefix = self.prefix.fork()
        prefix.truncate(length)
        return prefix


BLOCK: Final = 16
STEPS: Final = 8
FIRST: Final = 8
"""Places at a text's start that are left out: there the model knows nothing yet."""
AFTER: Final = 16
LONGEST_HOLE: Final = 32
APART: Final = 16
"""Places between two holes: a hole costs many passes, and its neighbours teach little more."""

Way = Callable[[Reading], Iterator[Seen]]


def read(body: Body, text: Tokens, choice: Choice, chance: np.random.Generator) -> Reading:
    """One causal pass over ``text`` [n >= 2]; ``chance`` places the holes."""
    prefix = body.prefix()
    (law,) = body.propose([TextPass(prefix, text, See.CAUSAL)], choice)
    return Reading(body, text, prefix, law, choice, chance)


def next_token(reading: Reading) -> Iterator[Seen]:
    """Every place by the causal law alone."""
    yield _causal(reading, FIRST, _nan(len(reading.text) - 1 - FIRST))


def speculate(reading: Reading) -> Iterator[Seen]:
    """Rounds of self-speculation: a canvas drafts, the causal law chooses, until they differ or the text does."""
    anchor, last = FIRST, len(reading.text) - 1
    while anchor < last:
        places = min(BLOCK - 1, last - anchor)
        canvas = _masked(reading.text[anchor : anchor + 1], places, reading.body.spec.mask, reading.text[:0])
        (draft,) = reading.body.propose([TextPass(reading.before(anchor), canvas, See.CANVAS)], reading.choice)
        chosen, truth = reading.law.token[anchor : anchor + places], reading.text[anchor + 1 : anchor + 1 + places]
        drafted = draft.token[:places] == chosen
        goes_on = drafted & (chosen == truth)
        # The round ends with the place that breaks it; a draft that holds to its end is followed by one place more.
        count = min(places if goes_on.all() else int(np.argmin(goes_on)), last - anchor - 1) + 1
        believed, kept = _nan(count), np.flatnonzero(drafted[:count])
        believed[kept] = draft.log_prob[kept]
        yield _causal(reading, anchor, believed, drafts=min(places, count))
        anchor += count


def block(reading: Reading) -> Iterator[Seen]:
    """Blocks as block diffusion makes them, the surest places first, each followed by an anchor of the commit pass."""
    anchor, last = FIRST, len(reading.text) - 1
    while anchor < last:
        places = min(BLOCK - 1, last - anchor)
        yield _opened(reading, anchor, places, reading.text[:0])
        anchor += places
        if anchor < last:
            yield _causal(reading, anchor, _nan(1))
            anchor += 1


def fill(reading: Reading) -> Iterator[Seen]:
    """Holes of 1 to 32 tokens, short ones as often as long ones, with the text after them seen."""
    anchor, last = FIRST, len(reading.text) - 1
    while anchor < last:
        places = min(int(np.exp(reading.chance.uniform(0, np.log(LONGEST_HOLE + 1)))), last - anchor)
        after = reading.text[anchor + places + 1 :][:AFTER]
        yield _opened(reading, anchor, places, after)
        anchor += places + APART


WAYS: Final[Mapping[str, Way]] = MappingProxyType(
    {"next-token": next_token, "speculate": speculate, "block": block, "fill": fill}
)


def _causal(reading: Reading, start: int, believed: Floats32, drafts: int = 0) -> Seen:
    """The causal law's choices for the places after ``start``, of which the first ``drafts`` had been drafted."""
    law, here = reading.law, slice(start, start + len(believed))
    changes = np.isnan(believed).astype(np.int32)
    changes[drafts:] = 0
    laws = (law.log_prob[here], law.entropy[here], law.margin[here])
    truth = reading.text[start + 1 : start + 1 + len(believed)]
    return Seen(*laws, believed, law.log_prob[here], changes, law.token[here], truth)


def _opened(reading: Reading, anchor: int, places: int, after: Tokens) -> Seen:
    """One canvas, its ``places`` opened surest first; each choice noted, then the text's own token put there."""
    body, text = reading.body, reading.text
    prefix, mask = reading.before(anchor), body.spec.mask
    truth = text[anchor + 1 : anchor + 1 + places]
    canvas = _masked(text[anchor : anchor + 1], places, mask, after)
    closed = np.ones(places, dtype=bool)
    laws = np.zeros((3, places), dtype=np.float32)
    choice, guess, changes = truth.copy(), truth.copy(), np.zeros(places, dtype=np.int32)
    steps = min(STEPS, places)
    for step in range(1, steps + 1):
        (belief,) = body.propose([TextPass(prefix, canvas, See.CANVAS)], reading.choice)
        now = belief.token[:places]
        if step > 1:
            changes[closed] += now[closed] != guess[closed]
        guess = now
        count = int(closed.sum()) - Linear().masked_after(step, steps, places)
        order = np.flatnonzero(closed)[np.argsort(-belief.log_prob[:places][closed], kind="stable")][:count]
        laws[:, order] = np.stack([belief.log_prob, belief.entropy, belief.margin])[:, order]
        choice[order] = now[order]
        canvas[1 + order] = truth[order]
        closed[order] = False
    asked = TextPass(prefix, text[anchor : anchor + places], See.CAUSAL, choice.astype(np.int64))
    (commit,) = body.propose([asked], reading.choice)
    return Seen(laws[0], laws[1], laws[2], laws[0], commit.target_log_prob, changes, choice, truth)


def _masked(anchor: Tokens, places: int, mask: int, after: Tokens) -> Tokens:
    """The anchor, the masks, what is known after them."""
    return np.concatenate([anchor, np.full(places, mask, dtype=np.uint32), after]).astype(np.uint32)


def _nan(count: int) -> Floats32:
    return np.full(count, np.nan, dtype=np.float32)
