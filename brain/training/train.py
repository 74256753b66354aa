"""A whole run, from folders of text to a model folder: builds the parts, loops, keeps checkpoints, exports.

What a step does is in ``step.py``; what the command line takes in ``__main__.py``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, final

import torch

from brain.base.errors import Cancelled, Conflict, StorageFailed, Unsupported
from brain.base.seeds import derive
from brain.native.tokenizer import Tokenizer
from brain.score.folder import SCORE, TOKENIZER, WEIGHTS, read_spec
from brain.score.spec import INT2, ScoreSpec
from brain.score.torch.network import ScoreNetwork
from brain.training import checkpoint, export
from brain.training.card import RunRecord, card
from brain.training.checkpoint import Checkpoint, Place
from brain.training.data import vocabulary
from brain.training.data.tokens import Texts, TokenData, find, tokenise
from brain.training.data.windows import WindowSource, spread
from brain.training.files import write_text
from brain.training.loop import Run, Surroundings, train
from brain.training.measure import WINDOWS, Figures, measure
from brain.training.optim.both import Optimisers
from brain.training.plan import Plan
from brain.training.step import DTYPES, Objectives, Stepper, compile_blocks

WORK: Final = "training"
"""The folder inside of the model's where a run keeps what it needs to go on."""
SEED_BITS: Final = (1 << 63) - 1


@final
@dataclass(frozen=True)
class Outcome:
    """What came of a run: the model folder, where it stood at its end, and its held-out figures (None: no text)."""

    folder: Path
    place: Place
    figures: Figures | None


def start(plan: Plan, out: Path, around: Surroundings) -> Outcome:
    """Train by ``plan`` into the new model folder ``out``.

    Raises: Conflict when ``out`` holds a model or a run already, Cancelled when stopped (a checkpoint is then in
    ``out/training``), InvalidInput for too little text, and what reading, writing and the tokenizer raise.
    """
    work = out / WORK
    for there in (out / WEIGHTS, work / checkpoint.FILE):
        if there.exists():
            hint = "choose another --out, or go on with --resume"
            raise Conflict(f"{there} is there already", hint=hint)
    _make(work)
    texts = find(plan.data)
    around.say(f"data: {len(texts.files)} files, {len(texts.training_paths)} of them to train on")
    tokenizer, spec = _tokenizer(plan, out.name, texts, around.say)
    write_text(work / TOKENIZER, tokenizer.to_json())
    return _run(plan.with_spec(spec), out, texts, tokenizer, around, saved=None)


def resume(out: Path, around: Surroundings) -> Outcome:
    """Go on with the run that ``out`` holds, from its last checkpoint, by the plan that it was started with.

    Raises: as ``start``; NotFound when there is no checkpoint; Conflict when the run is done or its text has changed.
    """
    saved = checkpoint.load(out / WORK / checkpoint.FILE)
    if (out / WEIGHTS).exists():
        raise Conflict(f"the run in {out} is done", hint="to train on, start a new one with --init")
    texts = find(saved.plan.data)
    if texts.fingerprint != saved.fingerprint:
        hint = "put the text back as it was, or start a new run with --init"
        raise Conflict("the text has changed since the run began", hint=hint)
    around.say(f"going on at step {saved.place.step}")
    tokenizer = Tokenizer.open(out / WORK / TOKENIZER)
    return _run(saved.plan, out, texts, tokenizer, around, saved=saved)


def device_of(name: str) -> torch.device:
    """The device of that name; "auto" is the GPU where torch finds one. Raises Unsupported."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda" and not torch.cuda.is_available():
        raise Unsupported("torch finds no GPU here", hint="--device cpu")
    return torch.device(name)


def _make(work: Path) -> None:
    try:
        work.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = f"{work} cannot be made: {error.strerror}"
        raise StorageFailed(reason, errno=error.errno, filename=str(work)) from error


def _tokenizer(plan: Plan, name: str, texts: Texts, say: Callable[[str], None]) -> tuple[Tokenizer, ScoreSpec]:
    """The run's tokenizer and the network that fits it, named after the model's folder."""
    spec = plan.recipe.spec
    if plan.init is not None:
        spec = read_spec(plan.init)
        if spec.scheme != INT2 or spec.activations != "int8":
            raise Unsupported(f"{plan.init} is {spec.scheme} with {spec.activations} activations", hint="train INT2")
        origin = plan.init / TOKENIZER
        tokenizer = Tokenizer.open(origin)
    elif plan.tokenizer is not None:
        origin = plan.tokenizer
        tokenizer = Tokenizer.open(origin)
    else:
        origin = Path("the new tokenizer")
        tokenizer = vocabulary.learn(texts.training_paths, spec.vocabulary)
        say(f"learnt a tokenizer of {tokenizer.size} pieces")
    vocabulary.check(tokenizer, spec, str(origin))
    if plan.init is None:
        return tokenizer, replace(spec, name=name, vocabulary=tokenizer.size)
    if tokenizer.size != spec.vocabulary:
        raise Conflict(f"{origin} has {tokenizer.size} pieces, {SCORE} says {spec.vocabulary}")
    return tokenizer, replace(spec, name=name)


def _run(
    plan: Plan, out: Path, texts: Texts, tokenizer: Tokenizer, around: Surroundings, *, saved: Checkpoint | None
) -> Outcome:
    device = device_of(around.device)
    if around.threads is not None:
        torch.set_num_threads(around.threads)
    data = tokenise(texts, tokenizer, plan.recipe.spec, plan.recipe.least_tokens, _stoppable(around))
    network = _network(plan, device, saved)
    optimisers = Optimisers(network, plan.recipe, DTYPES[plan.precision])
    if saved is not None:
        saved.restore(network, optimisers)
    if device.type == "cuda":
        compile_blocks(network)
    around.say(f"network {network.spec.name}: {network.spec.parameters / 1e6:.2f} M parameters on {device}")
    objectives = Objectives(network, plan, device)
    stepper = Stepper(objectives, optimisers, WindowSource(data.training, data.starts, plan.recipe.spec))
    run = Run(plan, out / WORK / checkpoint.FILE, texts.fingerprint, network, optimisers)
    place = train(run, stepper, saved.place if saved else Place(0, 0.0), around)
    figures = _figures(objectives, data, tokenizer)
    origin = f"the model in {plan.init.name}" if plan.init is not None else "chance"
    record = RunRecord(
        plan,
        plan.recipe.spec,
        place,
        data.sources,
        texts.notes,
        data.tail,
        texts.fingerprint,
        origin,
        str(device),
        figures,
    )
    size = export.write_model(out, network, tokenizer, card(record))
    around.say(f"wrote {out}: weights {size / 1e6:.2f} MB")
    return Outcome(out, place, figures)


def _stoppable(around: Surroundings) -> Callable[[str], None]:
    """The run's ``say``, which also ends the reading of text when the run is stopped."""

    def say(line: str) -> None:
        around.say(line)
        if around.stop():
            raise Cancelled("stopped while reading text", hint="nothing was trained yet: start again")

    return say


def _network(plan: Plan, device: torch.device, saved: Checkpoint | None) -> ScoreNetwork:
    network = ScoreNetwork(plan.recipe.spec, quantise=True)
    if saved is None and plan.init is not None:
        export.load_latents(network, plan.init)
    elif saved is None:
        network.initialise(torch.Generator().manual_seed(derive(plan.seed, "weights") & SEED_BITS))
    return network.to(device)


def _figures(objectives: Objectives, data: TokenData, tokenizer: Tokenizer) -> Figures | None:
    windows = spread(data.held_out, objectives.plan.recipe.window + 1, WINDOWS)
    if not len(windows):
        return None
    return measure(objectives, windows, data.training, vocabulary.byte_lengths(tokenizer))
