"""A generation whose pace and end the request decides: what the engine and the daemon are tried with..

It has the signature of ``brain.diffusion.core.generate`` and keeps its contract: states, then exactly one response, the
token checked at every step.
"""

import time

from brain.base.errors import CorruptData
from brain.base.messages import CanvasResponse, CanvasState, PartialState, Place, Response, Timings
from brain.engine.models import Model
from brain.native.tokenizer import Tokenizer
from tests.worlds import markov_world

UNCERTAINTY = 0.25
WARNING = "Its words are the prompt's."
SECRET = "the words of an exception"


def generate(body, tokenizer, request, calibration, memories, cancel, clock):
    """Say the prompt's words in a circle, one a step: ``max_tokens`` steps of ``min_p`` seconds each.

    The prompts "raise" and "corrupt" end it after the first step; "grow" makes every state 64 kB wide.
    """
    words = (request.hole.before if request.hole else request.prompt).split() or ["nothing"]
    steps = request.settings.max_tokens
    said = ""
    for step in range(1, steps + 1):
        time.sleep(request.settings.min_p)
        cancel.check()
        said = f"{said} {words[step % len(words)]}"
        wide = "x" * 65536 if words[0] == "grow" else ""
        yield PartialState(step, step, said + wide, (Place("", True, 0.0), Place(words[0], False, 0.5)))
        if words[0] == "raise":
            raise RuntimeError(SECRET)
        if words[0] == "corrupt":
            raise CorruptData("the weights end too early", hint="import the model again")
    yield Response(
        request_id="",
        text=said,
        tokens=tuple(range(steps)),
        pieces=tuple(words[step % len(words)] for step in range(steps)),
        uncertainty=UNCERTAINTY,
        token_uncertainty=(UNCERTAINTY,) * steps,
        passes=steps,
        stopped="hole" if request.hole else "length",
        model="",
        brain="",
        timings=Timings(0.0, 0.0, 0.0),
        warning="; ".join(memories),
    )


def load(name, folder, warning):
    """A model of no weight: an exact Markov chain, and the folder's tokenizer where it has one."""
    path = folder / "tokenizer.json"
    return Model(name, markov_world(), Tokenizer.open(path) if path.is_file() else None, None, WARNING)


def draw(model, request, cancel):
    """A canvas of no vectors: ``steps`` states of ``guidance`` seconds each, then the subject's words as the file."""
    steps = request.flow.steps
    for step in range(1, steps + 1):
        time.sleep(request.flow.guidance)
        cancel.check()
        yield CanvasState(step, step, steps, b"preview" if request.watch else b"")
    yield CanvasResponse(
        request_id="",
        kind="image",
        media_type="text/plain",
        data=str(request.subject).encode(),
        passes=steps,
        seed=request.flow.seed,
        model="",
        brain="",
        timings=Timings(0.0, 0.0, 0.0),
    )
