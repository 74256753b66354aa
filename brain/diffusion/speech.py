"""From a text to a WAV of its sentences, one canvas each: caption, length, flow, vocoder. It knows no queue."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

import numpy as np

from brain.backends.body import CancelToken, Floats
from brain.base.errors import InternalError, InvalidInput
from brain.base.messages import CanvasRequest, CanvasResponse, CanvasState, Timings
from brain.base.seeds import derive
from brain.diffusion.caption import SPEECH_BYTES, spelt_caption
from brain.diffusion.coders import Parts
from brain.diffusion.duration import Durations, sentences
from brain.diffusion.flow import PREFIX_PASSES, CanvasPlan, blank, flown
from brain.latent import wav
from brain.sampling.continuous.contract import FlowState

SAMPLE_RATE: Final = 16_000
PAUSE_S: Final = 0.2
"""Silence between two sentences."""
FRAMES_A_S: Final = 62.5
LONGEST_S: Final = 100.0
"""The longest speech of one request, before it is made: its WAV must fit into one message."""
UNMEASURED: Final = "How sure the model is of a sound is not measured yet."


def say(
    parts: Parts, request: CanvasRequest, text: str, cancel: CancelToken | None
) -> Iterator[CanvasState | CanvasResponse]:
    """Yield a state after every step, then the response with a WAV of one channel, 16,000 samples a second, 16 bit.

    Sentences are said one by one: with ``request.watch`` each state's preview is a WAV of all that are finished, so a
    reader may play them while the next one is made. Each sentence has a seed of its own, derived from the request's.

    Raises: InvalidInput for a text with nothing to say or of more than 100 s; Unsupported for a model without speech;
    Cancelled, DeadlineExceeded between passes.
    """
    spec = parts.body.spec
    law = Durations.of(spec.raw)
    said = sentences(text, law)
    _check_length(said, law)
    finished: list[Floats] = []
    passes, steps, before = 0, 0, 0
    preview = b""
    for number, sentence in enumerate(said):
        frames = law.frames(sentence)
        caption = spelt_caption(sentence, "audio", SPEECH_BYTES, spec, parts.vocabulary)
        plan = CanvasPlan("audio", caption, *blank(law.vectors(frames), spec.kinds["audio"].channels))
        flow = replace(request.flow, seed=derive(request.flow.seed, "sentence", number))
        last: FlowState | None = None
        for state in flown(parts.body, plan, flow, cancel):
            last, steps = state, state.steps
            done = passes + PREFIX_PASSES + state.passes
            yield CanvasState(before + state.step, done, steps * len(said), preview)
        if last is None:
            raise InternalError("a flow ended without a state")
        passes, before = passes + PREFIX_PASSES + last.passes, before + steps
        finished.append(parts.coders.wave(last.x, frames))
        if request.watch and number + 1 < len(said):
            preview = wav.write(_joined(finished), SAMPLE_RATE)
            yield CanvasState(before, passes, steps * len(said), preview)
    yield CanvasResponse(
        request_id=request.request_id,
        kind="audio",
        media_type="audio/wav",
        data=wav.write(_joined(finished), SAMPLE_RATE),
        passes=passes,
        seed=request.flow.seed,
        model=spec.name,
        brain="",
        timings=Timings(0.0, 0.0, 0.0),
        warning=UNMEASURED,
    )


def _check_length(said: list[str], law: Durations) -> None:
    """Refuse a text whose sound could not be sent."""
    seconds = sum(law.frames(sentence) / FRAMES_A_S + PAUSE_S for sentence in said)
    if seconds > LONGEST_S:
        hint = f"at most {LONGEST_S:g} s: say it in parts"
        raise InvalidInput(f"the text takes about {seconds:.0f} s to say", hint=hint, field="text")


def _joined(sounds: list[Floats]) -> Floats:
    """Sentences with a pause between each two."""
    pause = np.zeros(round(PAUSE_S * SAMPLE_RATE), np.float32)
    joined = [part for sound in sounds for part in (sound, pause)]
    return np.concatenate(joined[:-1])
