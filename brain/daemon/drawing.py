"""How a version of the brain is asked for a flow: with an open model's parts. It draws nothing itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from brain.backends.body import CancelToken
from brain.base.errors import Unsupported
from brain.base.messages import CanvasRequest, CanvasResponse, CanvasState
from brain.diffusion.coders import Parts
from brain.engine.engine import Draw
from brain.engine.models import Model

DrawsParts = Callable[[Any, CanvasRequest, CancelToken], Iterator[CanvasState | CanvasResponse]]
"""``diffusion/canvas.py``'s ``generate``, of any version."""


def drawn_by(generate: DrawsParts) -> Draw:
    """What the engine is given: raises Unsupported for a model that was opened for text alone."""

    def draw(model: Model, request: CanvasRequest, cancel: CancelToken) -> Iterator[CanvasState | CanvasResponse]:
        if model.coders is None:
            raise Unsupported(f"the model {model.name!r} was opened for text alone", hint="it has no decoders")
        return generate(Parts(model.body, model.tokenizer, model.coders), request, cancel)

    return draw
