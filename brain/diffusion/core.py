"""DiffusionCore: one request becomes states and a response. No queue, no retrieval, no file: these are handed in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from brain.backends.body import Body, CancelToken
from brain.base.clock import Clock
from brain.base.errors import InternalError
from brain.base.messages import PartialState, Request, Response, Timings
from brain.diffusion.plan import Plan, plan
from brain.diffusion.prompt import Vocabulary
from brain.diffusion.text import Writer
from brain.sampling.contract import State
from brain.uncertainty.calibration import Calibration
from brain.uncertainty.estimator import token_uncertainty

UNCALIBRATED: Final = "Its uncertainty is not calibrated: it is one minus the model's own probability."


def generate(  # noqa: PLR0917  (the engine's one call, all parts named in its type)
    body: Body,
    tokenizer: Vocabulary,
    request: Request,
    calibration: Calibration | None,
    memories: Sequence[str],
    cancel: CancelToken | None,
    clock: Clock,
) -> Iterator[PartialState | Response]:
    """Yield a state after every pass but the last, then the response.

    ``calibration`` None says so in ``warning``. The response's ``queued_s`` is 0 and ``brain`` and ``memories`` are
    empty: they are the engine's to know. ``request.settings.seed`` fixes every token.

    Raises: InvalidInput for a prompt that is too long; Cancelled, DeadlineExceeded between passes; what the body
    raises.
    """
    begun_s = clock.monotonic_s()
    made = plan(request, memories, body.spec, tokenizer)
    writer = Writer(tokenizer, made.task.stop, made.task.mask)
    first_s = None
    for step, state in enumerate(made.sampler.states(body, made.task, made.settings, cancel), start=1):
        first_s = clock.monotonic_s() - begun_s if first_s is None else first_s
        writer.extend(state.settled)
        if not state.stopped:
            yield PartialState(step, state.passes, writer.text, writer.canvas(state.canvas, state.confidence))
            continue
        writer.finish()
        timings = Timings(0.0, first_s, clock.monotonic_s() - begun_s)
        doubt = _uncertainty(made, state, calibration)
        yield _response(request, body.spec.name, state, writer=writer, uncertainty=doubt, timings=timings)
        return
    raise InternalError(f"the way {made.sampler.name!r} ended without a last state")


def _uncertainty(made: Plan, state: State, calibration: Calibration | None) -> tuple[tuple[float, ...], str]:
    """For each token its uncertainty, 0..1, and what a reader must know of it."""
    values = token_uncertainty(state.trace, calibration, made.sampler.name)
    return tuple(values.tolist()), "" if calibration is not None else UNCALIBRATED


def _response(
    request: Request,
    model: str,
    state: State,
    *,
    writer: Writer,
    uncertainty: tuple[tuple[float, ...], str],
    timings: Timings,
) -> Response:
    """The finished generation; an empty answer has uncertainty 0, for there is no word to doubt."""
    by_token, warning = uncertainty
    return Response(
        request_id=request.request_id,
        text=writer.text,
        tokens=tuple(state.settled.tolist()),
        pieces=tuple(writer.pieces),
        uncertainty=float(np.mean(by_token)) if by_token else 0.0,
        token_uncertainty=by_token,
        passes=state.passes,
        stopped=state.stopped,
        model=model,
        brain="",
        timings=timings,
        warning=warning,
    )
