"""The self-test of a version: short generations with the shipped model, each held to what the engine relies on.

It can fail: a version that raises, ends without a response, breaks the shape of an answer, ignores a withdrawal or a
seed, or does not know a way or an order that callers may name is refused. It says nothing on how good the words are.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, cast, final

from brain.backends.body import Body, CancelToken
from brain.base.clock import SystemClock
from brain.base.errors import Cancelled, RejectedByGate
from brain.base.messages import (
    ORDERS,
    WAYS,
    CanvasRequest,
    CanvasResponse,
    CanvasState,
    FlowSettings,
    Hole,
    PartialState,
    Request,
    Response,
    Route,
    Settings,
)
from brain.base.reports import Memory
from brain.diffusion.coders import Coders, Parts

TOKENS: Final = 3
PLAN: Final = "plan"
_PROMPT: Final = "The old man"
_HINT: Final = "the version was tried and refused; the brain that served goes on serving"


@final
@dataclass(frozen=True)
class Subject:
    """What is tried, and with what: a version's calls, an open model, and a calibration that is the version's own."""

    generate: Callable[..., Iterator[Any]]
    retrieve: Callable[..., Any]
    draw: Callable[..., Iterator[Any]]
    body: Body
    tokenizer: Any
    calibration: Any


@final
class _Withdrawn:
    """A token of a call that was withdrawn before it began."""

    def check(self) -> None:
        """Always says so."""
        raise Cancelled("withdrawn")


@final
class _OneMemory:
    """A store with a single memory."""

    def recall(self, query: str, limit: int) -> Sequence[Memory]:
        """It."""
        return [Memory("memories/00", "The sea is cold.", "", 0.0, 0.9)][:limit]


def examine(subject: Subject, cancel: CancelToken | None, *, all_of_it: bool) -> None:
    """Try it: every way, order and form of request; or, without ``all_of_it``, one short generation.

    Raises: RejectedByGate naming the promise that was broken; whatever the version itself raises.
    Cost: about 40 passes of ``body`` over a few tokens; 3 in short.
    """
    first = _tokens(subject, replace(_asked(), memories=1), cancel)
    if not all_of_it:
        return
    if _tokens(subject, replace(_asked(), memories=1), cancel) != first:
        raise RejectedByGate("the same request with the same seed gave other tokens", hint=_HINT)
    for way in WAYS:
        _tokens(subject, _asked(way=way, temperature=0.7, min_p=0.1, seed=1, max_tokens=2), cancel)
    for order in ORDERS:
        _tokens(subject, _asked(way="block", block=3, order=order, max_tokens=2), cancel)
    hole = Hole(before=_PROMPT, after=" went home.", tokens=2)
    if len(_tokens(subject, replace(_asked(), prompt="", hole=hole), cancel)) != hole.tokens:
        raise RejectedByGate("a hole of 2 tokens was not filled with 2", hint=_HINT)
    _tokens(subject, replace(_asked(way="next-token", max_tokens=1), chat=True, turns=("Hello.", "Good day.")), cancel)
    _tokens(subject, replace(_asked(way="next-token", max_tokens=1), modality="code"), cancel)
    _plans(subject, cancel)
    _heeds_a_withdrawal(subject)


def _plans(subject: Subject, cancel: CancelToken | None) -> None:
    """A plan of two steps, the cheapest flow there is, where the model makes plans."""
    if PLAN not in subject.body.spec.kinds:
        return
    route = Route(maze="maze2d-umaze", start=(1, 1), goal=(1, 2))
    request = CanvasRequest(request_id="self-test", subject=route, flow=FlowSettings(sampler="euler", steps=2))
    parts = Parts(subject.body, subject.tokenizer, cast("Coders", None))  # a plan is decoded by nobody
    events = list(subject.draw(parts, request, cancel))
    if not events or type(events[-1]) is not CanvasResponse or not events[-1].data:
        raise RejectedByGate("the self-test (a plan): it ended without a response", hint=_HINT)
    if [event for event in events[:-1] if type(event) is not CanvasState]:
        raise RejectedByGate("the self-test (a plan): it yielded something that is no state", hint=_HINT)


def _asked(**settings: Any) -> Request:
    chosen = replace(Settings(block=4, steps=2, max_tokens=TOKENS), **settings)
    return Request(request_id="self-test", prompt=_PROMPT, settings=chosen)


def _tokens(subject: Subject, request: Request, cancel: CancelToken | None) -> tuple[int, ...]:
    """The tokens of one generation that keeps its promises."""
    shown = subject.retrieve(_OneMemory(), subject.tokenizer, request.prompt, request.memories)
    given = (subject.body, subject.tokenizer, request, subject.calibration, shown.texts, cancel, SystemClock())
    events = list(subject.generate(*given))
    wrong = next(_broken(events, request, subject.body.spec.vocabulary), "")
    if wrong:
        raise RejectedByGate(f"the self-test ({_named(request)}): {wrong}", hint=_HINT)
    return tuple(events[-1].tokens)


def _named(request: Request) -> str:
    settings = request.settings
    return "a hole" if request.hole else f"{settings.way}, order {settings.order}, {request.modality}"


def _broken(events: list[Any], request: Request, vocabulary: int) -> Iterator[str]:
    """The promises that a generation's events break."""
    if not events or type(events[-1]) is not Response:
        yield "it ended without a response"
        return
    if any(type(event) is not PartialState for event in events[:-1]):
        yield "before the response it yielded something that is no state"
    said = events[-1]
    if any(not isinstance(token, int) or not 0 <= token < vocabulary for token in said.tokens):
        yield "it chose a token outside of the vocabulary"
    if len(said.tokens) > request.settings.max_tokens:
        yield f"it has {len(said.tokens)} tokens, {request.settings.max_tokens} were allowed"
    if not len(said.tokens) == len(said.pieces) == len(said.token_uncertainty):
        yield "tokens, pieces and uncertainties are not side by side"
    if "".join(said.pieces) != said.text:
        yield "its pieces do not make its text"
    if any(not _is_chance(value) for value in (said.uncertainty, *said.token_uncertainty)):
        yield "an uncertainty lies outside of 0..1"
    if said.stopped not in {"end", "length", "hole"}:
        yield f"it stopped for {said.stopped!r}, which no reader knows"


def _is_chance(value: object) -> bool:
    return isinstance(value, float | int) and math.isfinite(value) and 0 <= value <= 1


def _heeds_a_withdrawal(subject: Subject) -> None:
    given = (
        subject.body,
        subject.tokenizer,
        _asked(max_tokens=64),
        subject.calibration,
        (),
        _Withdrawn(),
        SystemClock(),
    )
    try:
        events = list(subject.generate(*given))
    except Cancelled:
        return
    raise RejectedByGate(f"a withdrawn call went on for {len(events)} states", hint=_HINT)
