"""Uncertainty: how well it ranks and how true it is, beside entropy alone and one minus p; and what it costs in time.

Alone: ``python tests/bench/uncertainty.py [--quick] [--json] [--model DIR]``. Quality is read from the model's
``uncertainty.json``: the figures there are of held-out documents that the table was not fitted on
(``python -m brain.uncertainty.fit MODEL --data DIR`` makes both anew). Time is measured here.
"""

import argparse
import json
import os
import statistics
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from figures import judged  # noqa: E402

from brain.backends.native import NativeBody  # noqa: E402
from brain.base.messages import Request, Settings  # noqa: E402
from brain.diffusion.plan import plan  # noqa: E402
from brain.native.tokenizer import Tokenizer  # noqa: E402
from brain.uncertainty.calibration import Calibration  # noqa: E402
from brain.uncertainty.estimator import token_uncertainty  # noqa: E402


def quality(calibration):
    for way, table in calibration.ways.items():
        f = table.figures
        ours, rival = f["auroc"], f["auroc_entropy"]
        yield judged(f"{way}: AUROC", ours, rival, "entropy alone", "share", "better", ours > rival)
        ours, rival = f["ece"], f["ece_before"]
        yield judged(f"{way}: calibration error", ours, rival, "one minus p", "share", "<= 0.125", ours <= 0.125)
        ours, rival = f["answer_spearman"], f["answer_spearman_entropy"]
        what = f"{way}: Spearman with an answer's errors"
        yield judged(what, ours, rival, "entropy alone", "correlation", ">= 0.7", ours >= 0.7)


def cost(calibration, folder, quick):
    body = NativeBody.open(folder, os.cpu_count() or 1)
    settings = Settings(max_tokens=32 if quick else 128)
    request = Request(request_id="a", prompt="The old man looked at the sea and", settings=settings)
    made = plan(request, (), body.spec, Tokenizer.open(folder / "tokenizer.json"))
    begun = time.perf_counter()
    *_, last = made.sampler.states(body, made.task, settings, None)
    whole = time.perf_counter() - begun
    times = []
    for _ in range(50):
        begun = time.perf_counter()
        token_uncertainty(last.trace, calibration, made.sampler.name)
        times.append(time.perf_counter() - begun)
    ours = statistics.median(times) * 1e3
    what = f"time for the uncertainty of {len(last.settled)} tokens"
    yield judged(what, ours, whole * 1e3, "generating them", "ms", "ratio <= 0.01", ours <= 0.01 * whole * 1e3)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--model", type=Path, default=ROOT / "brain" / "pretrained" / "base")
    words = parser.parse_args()
    calibration = Calibration.load(words.model)
    if calibration is None:
        print(f"{words.model} has no calibration", file=sys.stderr)
        return
    for part in (quality(calibration), cost(calibration, words.model, words.quick)):
        for told in part:
            if words.json:
                print(json.dumps(told), flush=True)
                continue
            met = "met" if told["met"] else "NOT met"
            rival = f"{told['rival_name']} {told['rival']:.4g}"
            print(f"{told['what']}: {told['ours']:.4g} {told['unit']} ({rival}); bar {told['bar']}: {met}", flush=True)


if __name__ == "__main__":
    main()
