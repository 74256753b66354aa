"""Speed of training on this machine: ours and the plain way interleaved. ``python -m tests.bench.training``.

Rows: a whole step of the tiny recipe by precision; the pair pass against the same loss computed block by block; Muon
against torch's own. One thread, so that a loaded machine disturbs both sides alike. Prints, asserts nothing.
"""

from __future__ import annotations

import argparse
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


def steps(rounds: int) -> None:
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
    for name, seconds in interleaved(ways, rounds).items():
        print(f"step of tiny, {name:<5} {seconds:8.3f} s   {tokens / seconds:8.0f} pair tokens/s")


def pair(rounds: int) -> None:
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
    print(
        f"pair loss, one pass {found['one pass']:.3f} s, block by block {found['block by block']:.3f} s: "
        f"{found['block by block'] / found['one pass']:.1f} times faster"
    )


def muon(rounds: int) -> None:
    named = {name: of.detach().clone() for name, of in fresh().named_parameters() if is_trunk_matrix(name)}
    theirs = [torch.nn.Parameter(of.clone()) for of in named.values()]
    for ours, parameter in zip(named.values(), theirs, strict=True):
        ours.grad = torch.randn(ours.shape)
        parameter.grad = ours.grad.clone()
    rival = torch.optim.Muon(theirs, lr=1e-3, adjust_lr_fn="match_rms_adamw")
    own = Muon(named, 1e-3, 0.1, torch.bfloat16)
    found = interleaved({"ours": lambda: own.step(1.0), "torch": rival.step}, rounds)
    ratio = found["torch"] / found["ours"]
    print(f"Muon on tiny, ours {found['ours']:.3f} s, torch's {found['torch']:.3f} s: ratio {ratio:.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    torch.set_num_threads(1)
    print(f"torch {torch.__version__}, one thread, medians of {rounds}")
    for bench in (steps, pair, muon):
        bench(rounds)


if __name__ == "__main__":
    main()
