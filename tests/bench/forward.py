"""The network's passes: the native body beside torch in float32 and torch with dynamically quantised INT8 matrices.

Alone: ``python tests/bench/forward.py [--quick] [--json] [--threads N]``. All three compute the same network after the
same prefix of 128 tokens, in turn, with as many threads; figures are medians, ratio is ours over the rival's. A text
pass ends with a token a place, a picture pass with a velocity a vector. Memory is the peak of a process of its own.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
BASE = ROOT / "brain" / "pretrained" / "base"
PREFIX = 128
TEXT_PASSES = {
    "next-token pass": (1, "causal"),
    "canvas of 16": (16, "canvas"),
    "verification of 16": (16, "causal"),
    "canvas of 64": (64, "canvas"),
}
PICTURE = 256
MEMORY_SIDES = ("native", "torch")


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
        "met": ratio <= bar,
    }


def tokens(n, seed):
    return np.random.default_rng(seed).integers(32, 8192, n).astype(np.uint32)


class Ours:
    """The native body as it serves."""

    def __init__(self, threads):
        from brain.backends.body import Choice, See, TextPass
        from brain.backends.native import NativeBody

        self.body = NativeBody.open(BASE, threads)
        self.see = {"causal": See.CAUSAL, "canvas": See.CANVAS}
        self.choice, self.text_pass = Choice(forbid=self.body.spec.forbidden), TextPass
        self.prefix = self.body.prefix()
        self.body.hidden([TextPass(self.prefix, tokens(PREFIX, 1), See.CAUSAL)])

    def text(self, ids, see):
        found = self.body.propose([self.text_pass(self.prefix, ids, self.see[see])], self.choice)[0].token
        self.prefix.truncate(PREFIX)
        return found

    def picture(self, x, time_of_each):
        from brain.backends.body import CanvasPass
        from brain.score import positions

        return self.body.velocity([CanvasPass(self.prefix, "image", x, time_of_each, *positions.image(PREFIX, 16))])[0]


def rival(threads, dynamic):
    """The same network written the usual way in torch: ``nn.Linear``, fused attention, a kept prefix."""
    import warnings

    import torch
    from torch import nn
    from torch.nn import functional

    from brain.score import positions
    from brain.score.torch.load import from_folder
    from brain.score.torch.trunk import rms, rotate

    torch.set_num_threads(threads)
    network = from_folder(BASE)
    spec = network.spec

    def linear(weight):
        layer = nn.Linear(weight.shape[1], weight.shape[0], bias=False)
        layer.weight = nn.Parameter(weight.detach().clone(), requires_grad=False)
        return layer

    class Block(nn.Module):
        def __init__(self, source):
            super().__init__()
            self.gains = [source.n1, source.n2, source.qn, source.kn]
            self.qkv = linear(torch.cat((source.wq, source.wk, source.wv)))
            self.wo, self.down = linear(source.wo), linear(source.down)
            self.gate_up = linear(torch.cat((source.gate, source.up)))
            self.past = None

        def forward(self, x, cos, sin, mask, keep):
            n1, n2, qn, kn = self.gains
            q, k, v = (
                part.view(len(x), -1, 64)
                for part in self.qkv(rms(x, n1, 1e-6)).split([spec.heads * 64] + [spec.key_value_heads * 64] * 2, -1)
            )
            q, k = rotate(rms(q, qn, 1e-6), cos, sin), rotate(rms(k, kn, 1e-6), cos, sin)
            if self.past is not None:
                k, v = torch.cat((self.past[0], k)), torch.cat((self.past[1], v))
            if keep:
                self.past = (k, v)
            heads = (part.transpose(0, 1)[None] for part in (q, k, v))
            mixed = functional.scaled_dot_product_attention(*heads, attn_mask=mask, enable_gqa=True)[0].transpose(0, 1)
            x = x + self.wo(mixed.reshape(len(x), -1))
            gate, up = self.gate_up(rms(x, n2, 1e-6)).chunk(2, -1)
            return x + self.down(functional.silu(gate) * up)

    class Rival(nn.Module):
        def __init__(self):
            super().__init__()
            self.blocks = nn.ModuleList(Block(block) for block in network.blocks)
            self.head = linear(network.emb)

        def trunk(self, x, rows, columns, see, keep=False):
            cos, sin = network.angles(torch.tensor(rows), torch.tensor(columns))
            before = 0 if self.blocks[0].past is None else len(self.blocks[0].past[0])
            mask = None
            if see == "causal" and len(x) > 1:
                mask = torch.ones(len(x), before + len(x), dtype=torch.bool).tril(before)
            for block in self.blocks:
                x = block(x, cos, sin, mask, keep)
            return rms(x, network.nf, 1e-6)

        @torch.inference_mode()
        def text(self, ids, see, start=PREFIX, keep=False):
            rows = positions.text(start, len(ids))[0]
            hidden = self.trunk(network.embed(torch.tensor(ids.astype(np.int64))), rows, rows, see, keep)
            scores = self.head(hidden)
            scores[:, list(spec.forbidden)] = -torch.inf
            log_prob = scores.log_softmax(-1)
            entropy = -(log_prob.exp() * log_prob.clamp_min(-1e9)).sum(-1)
            top = log_prob.topk(2, -1)
            return top.indices[:, 0].numpy(), top.values.numpy(), entropy.numpy()

        @torch.inference_mode()
        def picture(self, x, time_of_each):
            moment = network.time_embedding(torch.tensor(time_of_each))
            entered = network.enter("image", torch.tensor(x), moment)
            hidden = self.trunk(entered, *positions.image(PREFIX, 16), "canvas")
            return network.leave("image", hidden, moment).numpy()

    body = Rival().eval()
    body.text(tokens(PREFIX, 1), "causal", 0, keep=True)
    if dynamic:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from torch.ao.quantization import quantize_dynamic

            body = quantize_dynamic(body, {nn.Linear}, dtype=torch.qint8)
    return body


def interleaved(ways, arguments, rounds):
    """The median milliseconds of each way, all run in turn after one round that is not counted."""
    spent = {name: [] for name in ways}
    for number in range(rounds + 1):
        for name, way in ways.items():
            begin = time.perf_counter()
            way(*arguments)
            if number:
                spent[name].append(1e3 * (time.perf_counter() - begin))
    return {name: statistics.median(found) for name, found in spent.items()}


def speeds(threads, quick):
    ours = Ours(threads)
    rivals = {"torch f32": rival(threads, False), "torch int8 dynamic": rival(threads, True)}
    texts = {name: body.text for name, body in rivals.items()}
    pictures = {name: body.picture for name, body in rivals.items()}
    lines = []
    for what, (places, see) in TEXT_PASSES.items():
        ids = tokens(places, 2)
        agreed = (ours.text(ids, see) == rivals["torch f32"].text(ids, see)[0]).mean()
        if agreed < 0.5:
            raise SystemExit(f"{what}: the bodies agree on {agreed:.0%} of the tokens: not the same network")
        lines += compared(what, {"ours": ours.text, **texts}, (ids, see), 5 if quick else 60)
    chance = np.random.default_rng(3)
    x = chance.standard_normal((PICTURE, 32)).astype(np.float32)
    when = np.full(PICTURE, 0.6, np.float32)
    what = f"picture pass of {PICTURE} vectors"
    return lines + compared(what, {"ours": ours.picture, **pictures}, (x, when), 2 if quick else 20)


def compared(what, ways, arguments, rounds):
    spent = interleaved(ways, arguments, rounds)
    bars = {"torch f32": 0.7, "torch int8 dynamic": 1.0}
    return [line(what, spent["ours"], spent[name], name, "ms", bar) for name, bar in bars.items()]


def one_side(side, threads):
    """What a process of its own needs for one body and one canvas: its peak resident memory in MB, printed."""
    body = Ours(threads) if side == "native" else rival(threads, False)
    body.text(tokens(64, 2), "canvas")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(peak / (1 << 20 if sys.platform == "darwin" else 1 << 10))


def sizes(threads):
    found = {}
    for side in MEMORY_SIDES:
        command = [sys.executable, __file__, "--side", side, "--threads", str(threads)]
        found[side] = float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    from brain.score.folder import WEIGHTS, read_spec

    stored, plain = (BASE / WEIGHTS).stat().st_size / 1e6, 4 * read_spec(BASE).parameters / 1e6
    return [
        line("peak memory of a process with the model", found["native"], found["torch"], "torch f32", "MiB", 0.5),
        line("weights on disk", stored, plain, "float32", "MB", 0.15),
    ]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--quick", action="store_true", help="fewer rounds: less than a minute")
    parser.add_argument("--json", action="store_true", help="one object a line")
    parser.add_argument("--threads", type=int, default=1, help="1: a loaded machine disturbs all sides alike")
    parser.add_argument("--side", choices=MEMORY_SIDES, help=argparse.SUPPRESS)
    words = parser.parse_args()
    if words.side:
        one_side(words.side, words.threads)
        return 0
    lines = sizes(words.threads) + speeds(words.threads, words.quick)
    for one in lines:
        shown = f"{one['what']:42}{one['ours']:>10.3f}{one['rival']:>10.3f} {one['unit']:4}{one['ratio']:>7.3f}"
        print(
            json.dumps(one) if words.json else f"{shown}  {one['rival_name']}{'' if one['met'] else '  (bar missed)'}"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
