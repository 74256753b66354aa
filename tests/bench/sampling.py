"""Ways to decode: tokens a second, passes and tokens a pass of each on the shipped model, next-token as the rival.

Alone: ``python tests/bench/sampling.py [--quick] [--json] [--model DIR] [--threads N]``. The ways take turns prompt by
prompt, so that a busy machine slows them alike; every figure is over the same prompts and the same number of tokens.
"""

import argparse
import json
import os
import statistics
import sys
import time
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from brain.backends.native import NativeBody  # noqa: E402
from brain.base.messages import Request, Settings  # noqa: E402
from brain.diffusion.plan import plan  # noqa: E402
from brain.native.tokenizer import Tokenizer  # noqa: E402

ASKED = (
    Request(request_id="a", prompt="The old man looked at the sea and"),
    Request(request_id="b", prompt="A hash table is a data structure that"),
    Request(request_id="c", prompt="What is the capital of France?", chat=True),
    Request(request_id="d", prompt="Write python code: check whether a number is prime", chat=True),
    Request(request_id="e", prompt="import os\n\nfor name in os.listdir('.'):\n", modality="code"),
    Request(request_id="f", prompt="1, 2, 3, 4, 5, 6, 7, 8,"),
)
WAYS = {
    "speculate": Settings(way="speculate"),
    "block, 8 steps": Settings(way="block", steps=8),
    "block, 2 steps": Settings(way="block", steps=2),
    "block, entropy bound": Settings(way="block", steps=15, order="entropy-bound", entropy_bound=1.0),
}


def run(body, tokenizer, request, settings):
    """Seconds, tokens and passes of one generation, and its tokens."""
    made = plan(replace(request, settings=settings), (), body.spec, tokenizer)
    begun = time.perf_counter()
    *_, last = made.sampler.states(body, made.task, made.settings, None)
    return time.perf_counter() - begun, len(last.settled), last.passes, last.settled.tolist()


def line(what, ours, rival, unit, bar, met):
    name = "next-token"
    ratio = ours / rival if rival else None
    told = {"what": what, "ours": ours, "rival": rival, "rival_name": name, "unit": unit, "ratio": ratio}
    return {**told, "bar": bar, "met": met}


def measured(body, tokenizer, temperature, tokens, rounds):
    """For each way and next-token: the median seconds of each prompt, tokens, passes, the texts."""
    common = {"temperature": temperature, "max_tokens": tokens, "seed": 1}
    chosen = {name: replace(one, **common) for name, one in {"next-token": Settings(way="next-token"), **WAYS}.items()}
    seen = {name: [[] for _ in ASKED] for name in chosen}
    for _ in range(rounds):
        for place, request in enumerate(ASKED):
            for name, settings in chosen.items():
                seen[name][place].append(run(body, tokenizer, request, settings))
    return {
        name: (
            sum(statistics.median(one[0] for one in runs) for runs in places),
            sum(runs[0][1] for runs in places),
            sum(runs[0][2] for runs in places),
            [runs[0][3] for runs in places],
        )
        for name, places in seen.items()
    }


def figures(body, tokenizer, quick):
    for temperature in (0.0, 0.8):
        made = measured(body, tokenizer, temperature, 32 if quick else 96, 1 if quick else 3)
        seconds, tokens, passes, texts = made["next-token"]
        for name in WAYS:
            own_s, own_tokens, own_passes, own_texts = made[name]
            title = f"{name}, temperature {temperature}"
            ours, rival = own_tokens / own_s, tokens / seconds
            yield line(f"{title}: speed", ours, rival, "tokens/s", "faster", ours > rival)
            ours, rival = own_tokens / own_passes, tokens / passes
            yield line(f"{title}: tokens a pass", ours, rival, "tokens", "more", ours > rival)
            if name == "speculate":
                same = sum(a == b for a, b in zip(own_texts, texts, strict=True))
                yield line(f"{title}: equal texts", same, len(texts), "texts", "all", same == len(texts))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--model", type=Path, default=ROOT / "brain" / "pretrained" / "base")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    words = parser.parse_args()
    body = NativeBody.open(words.model, words.threads)
    for told in figures(body, Tokenizer.open(words.model / "tokenizer.json"), words.quick):
        if words.json:
            print(json.dumps(told), flush=True)
            continue
        met = "met" if told["met"] else "NOT met"
        rival = f"{told['rival_name']} {told['rival']:.4g}"
        print(f"{told['what']}: {told['ours']:.4g} {told['unit']} ({rival}); bar {told['bar']}: {met}", flush=True)


if __name__ == "__main__":
    main()
