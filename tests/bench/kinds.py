"""Measures what a picture, a sentence and a plan cost with the shipped model on the native body, and a pass of each.

    python tests/bench/kinds.py [--quick] [--json]

A picture and a sentence of some three seconds are made whole: caption, flow at the defaults, decoding, file. Passes are
timed beside the torch body's over the same canvases, in turns, where torch is installed; both answers are compared
first. Plans are judged by the simulator beside the shortest way over cells, on the same ends.
"""

import io
import json
import sys
import time
import wave
from dataclasses import replace
from importlib.util import find_spec

import numpy as np
from figures import arguments, interleaved, line, show

from brain.backends.body import See, TextPass
from brain.backends.native import NativeBody
from brain.base.messages import PICTURE_FLOW, ROUTE_FLOW, SPEECH_FLOW, CanvasRequest, Picture, Route, Speech
from brain.conditioning.guidance import Branch, Guided
from brain.diffusion.canvas import generate
from brain.diffusion.coders import Parts
from brain.diffusion.folder import FolderCoders
from brain.native.tokenizer import Tokenizer
from brain.planning.maze import MAZES, shortest
from brain.score import positions
from tests.models import BASE

SENTENCE = "The old man looked at the sea and then went slowly home."
CANVASES = {"image": (256, 32), "audio": (48, 320), "plan": (64, 24)}
THREADS = 2


def made(parts, subject, flow, seed=0):
    """The last word of one request, its seconds, and the processor's seconds."""
    request = CanvasRequest(request_id="a", subject=subject, flow=replace(flow, seed=seed))
    begun, worked = time.perf_counter(), time.process_time()
    *_, last = generate(parts, request, None)
    return last, time.perf_counter() - begun, time.process_time() - worked


def whole(parts, rounds):
    """Milliseconds of a picture and a sentence, the medians."""
    subjects = {
        "a picture, 16 steps with guidance": (Picture(caption="red apple, fruit"), PICTURE_FLOW, 4000.0),
        "a sentence": (Speech(SENTENCE), SPEECH_FLOW, 2000.0),
        "a plan": (Route("maze2d-large", (1, 1), (7, 9)), ROUTE_FLOW, None),
    }
    for what, (subject, flow, bar) in subjects.items():
        runs = [made(parts, subject, flow, seed) for seed in range(rounds)]
        name = f"{what}{_length(runs[0][0])}"
        seconds, worked = (float(np.median([run[place] for run in runs])) for place in (1, 2))
        yield line(name, seconds * 1000, None, "", "ms", bar)
        yield line(f"{name}: processor time of {THREADS} threads", worked * 1000, None, "", "ms", None)


def _length(last):
    """How long a sound is, in words; nothing for what is none."""
    if last.kind != "audio":
        return ""
    with wave.open(io.BytesIO(last.data)) as sound:
        return f" of {sound.getnframes() / sound.getframerate():.1f} s"


def score(body, kind):
    """A guided score of a kind over a canvas of random vectors, as a call."""
    count, channels = CANVASES[kind]
    rng = np.random.default_rng(0)
    x, at = rng.standard_normal((count, channels)).astype(np.float32), np.full(count, 0.5, np.float32)
    branches = []
    for weight, tokens in (
        (3.0, [1, 492, 793, 322, body.spec.kinds[kind].tag]),
        (-2.0, [1, body.spec.kinds[kind].tag]),
    ):
        prefix = body.prefix()
        body.hidden([TextPass(prefix, np.array(tokens, np.uint32), See.CAUSAL)])
        places = positions.image(len(tokens), 16) if kind == "image" else positions.plan(len(tokens), count)
        branches.append(Branch(prefix, *places, weight))
    guided = Guided(body, kind, branches, None)
    return lambda: guided(x, at)


def passes(rounds):
    """Milliseconds of a guided pass of each kind, beside torch's."""
    ours, rival = NativeBody.open(BASE, THREADS), None
    if find_spec("torch"):
        import torch

        from brain.backends.torch import TorchBody

        torch.set_num_threads(THREADS)
        rival = TorchBody.open(BASE, "f32")
    else:
        print("torch is not installed: passes stand alone", file=sys.stderr)
    for kind in CANVASES:
        ways = {"ours": score(ours, kind)} | ({"torch": score(rival, kind)} if rival else {})
        if rival:
            one, two = (way() for way in ways.values())
            apart = float(np.sqrt(((one - two) ** 2).mean() / (two**2).mean()))
            assert apart < 0.2, f"{kind}: the bodies disagree by {apart}"  # activations of 8 bits beside floats
        spent = interleaved(ways, rounds)
        theirs = spent["torch"] * 1000 if rival else None
        yield line(f"a guided pass of {kind}", spent["ours"] * 1000, theirs, "torch f32", "ms", None)


def plans(parts, count):
    """Share of ways that arrive in the simulator, beside the shortest way over cells with the same follower."""
    rng = np.random.default_rng(0)
    arrived, untouched = [], []
    for name, within in MAZES.items():
        size = range(len(within.rows)), range(len(within.rows[0]))
        cells = [(row, column) for row in size[0] for column in size[1] if within.is_free((row, column))]
        for number in range(count):
            start, goal = (cells[rng.integers(len(cells))] for _ in range(2))
            while len(shortest(within, start, goal)) < 4:
                start, goal = (cells[rng.integers(len(cells))] for _ in range(2))
            told = json.loads(made(parts, Route(name, start, goal), ROUTE_FLOW, number)[0].data)
            arrived.append((told["followed"]["arrives"], told["shortest"]["arrives"]))
            untouched.append(told["followed"]["arrives"] and not told["followed"]["held_steps"])
    ours, rival = np.mean(arrived, axis=0)
    name = "shortest way + PD"
    yield line(f"plans that arrive, of {len(arrived)}", float(ours), float(rival), name, "share", None, "larger")
    yield line("plans that arrive and touch no wall", float(np.mean(untouched)), None, "", "share", None, "larger")


def figures(quick):
    """All of them."""
    parts = Parts(NativeBody.open(BASE, THREADS), Tokenizer.open(BASE / "tokenizer.json"), FolderCoders(BASE, THREADS))
    yield from whole(parts, 3 if quick else 9)
    yield from passes(3 if quick else 15)
    yield from plans(parts, 4 if quick else 40)


if __name__ == "__main__":
    words = arguments(__doc__)
    show(figures(words.quick), words.json)
