"""DiffusionCore's other half: a request for a picture, speech or a plan becomes states and a response. No queue."""

from __future__ import annotations

from collections.abc import Iterator

from brain.backends.body import CancelToken
from brain.base.messages import CanvasRequest, CanvasResponse, CanvasState, Picture, Speech
from brain.diffusion.coders import Parts
from brain.diffusion.picture import draw
from brain.diffusion.route import plan
from brain.diffusion.speech import say


def generate(
    parts: Parts, request: CanvasRequest, cancel: CancelToken | None
) -> Iterator[CanvasState | CanvasResponse]:
    """Yield a state after every step, then the response; ``request.flow.seed`` fixes all of it.

    The response's model, brain and times are the engine's to fill in. Raises what the kind's own file names.
    """
    match request.subject:
        case Picture() as picture:
            return draw(parts, request, picture, cancel)
        case Speech(text):
            return say(parts, request, text, cancel)
        case route:
            return plan(parts, request, route, cancel)
