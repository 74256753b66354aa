"""Held-out loss of the base model on a chapter it never saw: INT2 and INT8 beside float, diffusion beside next-token.

Alone: ``python tests/bench/likelihood.py [--quick] [--json] [--threads N]``. The text is ``tests/parity/held-out.txt``
(public domain, 16 kB), its bytes counted exactly; ``python -m brain.diffusion.evaluate`` measures whole folders. Ratio
is ours over the rival's; a bound is an upper bound.
"""

import argparse
import json
import lzma
import math
import sys
from pathlib import Path

import numpy as np

from brain.backends.body import Choice, See, TextPass
from brain.backends.native import NativeBody
from brain.backends.torch import TorchBody
from brain.diffusion.likelihood import BLOCKS, measure
from brain.native.tokenizer import Tokenizer
from brain.score.folder import TOKENIZER

ROOT = Path(__file__).resolve().parents[2]
BASE = ROOT / "brain" / "pretrained" / "base"
TEXT = ROOT / "tests" / "parity" / "held-out.txt"
WINDOW = 1024


def line(what, ours, rival, rival_name, unit, bar):
    """One figure: ``bar`` is the largest ratio that is good enough."""
    ratio = ours / rival
    return {
        "what": what,
        "ours": round(ours, 4),
        "rival": round(rival, 4),
        "rival_name": rival_name,
        "unit": unit,
        "ratio": round(ratio, 4),
        "bar": bar,
        "met": bool(ratio <= bar),
    }


def loss(body, parts):
    """Nats of every token after the first of each window, next-token."""
    found = []
    for part in parts:
        asked = TextPass(body.prefix(), part[:-1], See.CAUSAL, targets=part[1:].astype(np.int64))
        found.append(-body.propose([asked], Choice())[0].target_log_prob.astype(np.float64))
    return np.concatenate(found)


def figures(threads, quick):
    import torch

    torch.set_num_threads(threads)
    tokenizer = Tokenizer.open(BASE / TOKENIZER)
    text = TEXT.read_text(encoding="utf-8")
    tokens = np.concatenate([np.array([1], np.uint32), tokenizer.encode(text)])
    last = 1 if quick else (len(tokens) - 1) // WINDOW
    parts = [tokens[i * WINDOW : (i + 1) * WINDOW + 1] for i in range(last)]
    scored = b"".join(tokenizer.token_bytes(int(token)) for part in parts for token in part[1:])
    rounded = NativeBody.open(BASE, threads)
    sides = {
        "native, float activations": NativeBody.open(BASE, threads, "f32"),
        "torch, float activations": TorchBody.open(BASE, "f32"),
    }
    ours = loss(rounded, parts)
    yield from (
        line(f"next-token loss, {len(ours)} tokens", ours.mean(), loss(body, parts).mean(), name, "nats a token", 1.001)
        for name, body in sides.items()
    )
    packed = len(lzma.compress(scored, preset=9 | lzma.PRESET_EXTREME))
    bits = ours.sum() / math.log(2) / len(scored)
    yield line(f"next-token, {len(scored)} bytes", bits, 8 * packed / len(scored), "xz -9e", "bits a byte", 0.6)
    found = measure(rounded, parts[: 1 if quick else 4], 0)
    for size, bound in zip(BLOCKS, found.bounds, strict=True):
        what = f"block diffusion, bound at blocks of {size}"
        yield line(what, bound, found.next_token, "next-token, same weights", "nats a token", 1.2)
    yield line("infilling", found.fill, found.next_token, "next-token, same weights", "nats a masked token", 2.0)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--quick", action="store_true", help="one window of 1024 tokens: less than a minute")
    parser.add_argument("--json", action="store_true", help="one object a line")
    parser.add_argument("--threads", type=int, default=2)
    words = parser.parse_args()
    for one in figures(words.threads, words.quick):
        shown = f"{one['what']:42}{one['ours']:>9.4f}{one['rival']:>9.4f} {one['unit']:20}{one['ratio']:>8.4f}"
        print(
            json.dumps(one) if words.json else f"{shown}  {one['rival_name']}{'' if one['met'] else '  (bar missed)'}"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
