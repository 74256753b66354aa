"""Speed of training on this machine: ours and the plain way interleaved. ``python tests/bench/training.py``.

Rows: a whole step of the tiny recipe by precision; the pair pass against the same loss computed block by block; Muon
against torch's own. One thread, so that a loaded machine disturbs both sides alike. Prints, asserts nothing.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import torch

from brain.score.spec import TINY
from brain.score.torch.network import ScoreNetwork
from brain.score.torch.trunk import law
from brain.training.data.windows import WindowSource
from brain.training.losses.laws import mask_of, pair_law
from brain.training.losses.maskings import pair_masking
from brain.training.losses.pair import pair_loss
from brain.training.optim.both import Optimisers, is_trunk_matrix
from brain.training.optim.muon import Muon
from brain.training.plan import RECIPES, Plan
from brain.training.step import DTYPES, Objectives, Stepper

CPU = torch.device("cpu")
BLOCK = 16


def interleaved(ways: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """The median seconds of each way, run in turn after one unmeasured round."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for round_ in range(rounds + 1):
        for name, way in ways.items():
            begin = time.perf_counter()
            way()
            if round_:
                seconds[name].append(time.perf_counter() - begin)
    return {name: statistics.median(of) for name, of in seconds.items()}


def fresh() -> ScoreNetwork:
    network = ScoreNetwork(TINY, quantise=True)
    network.initialise(torch.Generator().manual_seed(0))
    return network


Line = dict[str, object]


def line(what: str, ours: float, rival: float, rival_name: str, unit: str, bar: float) -> Line:
    """One row; ``ratio`` is ours by the rival's, and both are seconds: the bar is met at or below it."""
    ratio = ours / rival
    told = {"what": what, "ours": round(ours, 5), "rival": round(rival, 5), "rival_name": rival_name, "unit": unit}
    return {**told, "ratio": round(ratio, 3), "bar": bar, "met": bool(ratio <= bar)}


def steps(rounds: int) -> Line:
    chance = np.random.default_rng(0)
    stream = chance.integers(13, TINY.vocabulary, 100_000).astype(np.uint16)
    source = WindowSource(stream, np.array([0, len(stream)]), TINY)
    ways = {}
    for precision in DTYPES:
        plan = Plan(recipe=RECIPES["tiny"], data=(Path("/none"),), steps=1, precision=precision)
        network = fresh()
        optimisers = Optimisers(network, plan.recipe, DTYPES[precision])
        stepper = Stepper(Objectives(network, plan, CPU), optimisers, source)
        ways[precision] = lambda stepper=stepper: stepper.step(0, 1.0)
    tokens = RECIPES["tiny"].tokens_a_step
    found = interleaved(ways, rounds)
    return line(f"step of tiny in bf16, {tokens} pair tokens", found["bf16"], found["f32"], "the same in f32", "s", 1.0)


def pair(rounds: int) -> Line:
    network, length, chance = fresh(), 256, np.random.default_rng(0)
    windows = torch.from_numpy(chance.integers(13, TINY.vocabulary, (2, length + 1)))
    masking = pair_masking(2, length, BLOCK, chance)
    masked, weights = torch.from_numpy(masking.masked), torch.from_numpy(masking.weights)
    mask = mask_of(pair_law(length, torch.tensor(BLOCK)), 2 * length, CPU)

    def together() -> None:
        losses = pair_loss(network, windows, masked, weights, mask=mask, dtype=torch.float32)
        (losses[0] + losses[1]).backward()

    def apart() -> None:
        texts = windows[:, :-1]
        noised = torch.where(masked, TINY.mask, texts)
        for start in range(0, length, BLOCK):
            seen = torch.cat((texts[:, :start], noised[:, start : start + BLOCK]), 1)
            cos, sin = network.angles(torch.arange(seen.shape[1])[None])
            hidden = network.trunk(network.embed(seen), cos, sin, law(seen.shape[1], start))
            network.logits(hidden[:, start:]).logsumexp(-1).mean().backward()

    found = interleaved({"one pass": together, "block by block": apart}, rounds)
    # The rival forms the logits and their normaliser only; the full loss would make it slower still.
    return line("pair loss in one pass", found["one pass"], found["block by block"], "block by block", "s", 0.5)


def muon(rounds: int) -> Line:
    named = {name: of.detach().clone() for name, of in fresh().named_parameters() if is_trunk_matrix(name)}
    theirs = [torch.nn.Parameter(of.clone()) for of in named.values()]
    for ours, parameter in zip(named.values(), theirs, strict=True):
        ours.grad = torch.randn(ours.shape)
        parameter.grad = ours.grad.clone()
    rival = torch.optim.Muon(theirs, lr=1e-3, adjust_lr_fn="match_rms_adamw")
    own = Muon(named, 1e-3, 0.1, torch.bfloat16)
    found = interleaved({"ours": lambda: own.step(1.0), "torch": rival.step}, rounds)
    return line("Muon, one step on tiny", found["ours"], found["torch"], f"torch {torch.__version__}", "s", 1.25)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0] if __doc__ else "")
    parser.add_argument("--quick", action="store_true", help="two rounds: less than a minute")
    parser.add_argument("--json", action="store_true", help="one object a line")
    words = parser.parse_args()
    torch.set_num_threads(1)
    for bench in (steps, pair, muon):
        told = bench(2 if words.quick else 7)
        shown = f"{told['what']}: {told['ours']} {told['unit']}, {told['rival_name']} {told['rival']}, {told['ratio']}"
        print(json.dumps(told) if words.json else shown, flush=True)


if __name__ == "__main__":
    main()
