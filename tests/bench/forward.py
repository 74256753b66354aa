"""The network's passes: the native body beside torch (float32, bfloat16, dynamic INT8) and, for text, llama.cpp.

Alone: ``python tests/bench/forward.py [--quick] [--json] [--threads N] [--size base|large] [--folder F]``. All compute
the same network after the same prefix, in turn, with as many threads; figures are medians, ratio is ours over the
rival's. A round is a draft (a canvas of 16) and its verification; a guided picture pass is the two passes of guidance,
in one call of ours and in two of torch's. ``large`` has random weights. Memory is a process of its own. llama.cpp runs
a random Llama of the base's size (``llama.py``) and has causal attention alone, so its round is two causal passes.
"""

import dataclasses
import subprocess
import sys
import tempfile
import threading
import warnings
from pathlib import Path

import numpy as np
from figures import arguments, interleaved, line, show

ROOT = Path(__file__).resolve().parents[2]
BASE = ROOT / "brain" / "pretrained" / "base"
PREFIX = 128
SIZES = {"large": {"width": 640, "layers": 10, "heads": 10, "key_value_heads": 5, "feed_forward": 1792}}
TORCHES = ("torch f32", "torch bf16", "torch int8 dynamic")
"""A sixth of f32's time and two thirds of int8's are the bars; bf16 stands beside them."""
BARS = {"torch f32": 1 / 6, "torch bf16": None, "torch int8 dynamic": 1 / 1.5}
BUDGET_MS = {"round of 16": 4.0, "four canvases of 64": 20.0, "guided picture pass": 1500 / 25}


def tokens(n, seed):
    return np.random.default_rng(seed).integers(32, 8192, n).astype(np.uint32)


def random_folder(size, out):
    """A model folder of that size with random weights: their scales are those of a network at its first step."""
    from brain.native.quant import quantise
    from brain.native.weights import write_weights
    from brain.score.folder import SCORE, TOKENIZER, WEIGHTS, read_spec
    from brain.score.spec import PLAIN

    spec = dataclasses.replace(read_spec(BASE), name=size, raw={}, **SIZES[size])
    chance, stored = np.random.default_rng(0), []
    for tensor in spec.tensors():
        values = chance.standard_normal(tensor.shape).astype(np.float32) / np.sqrt(tensor.shape[-1], dtype=np.float32)
        if len(tensor.shape) == 1:
            values = np.ones(tensor.shape, np.float32)
        packed, scales = values, None
        if tensor.scheme == PLAIN:
            packed = values.astype({"f32": np.float32, "f16": np.float16}[tensor.dtype])
        else:
            rule = "mean_abs" if tensor.scheme.startswith("int2") else "range"
            packed, scales = quantise(values, tensor.scheme, rule)
        stored.append((tensor.name, tensor.shape, tensor.scheme, packed, scales))
    out.mkdir()
    write_weights(out / WEIGHTS, stored, {"name": size})
    (out / SCORE).write_text(spec.to_json())
    (out / TOKENIZER).write_bytes((BASE / TOKENIZER).read_bytes())
    return out


class Ours:
    """The native body as it serves."""

    def __init__(self, folder, threads):
        from brain.backends.body import Choice, See, TextPass
        from brain.backends.native import NativeBody

        self.body = NativeBody.open(folder, threads)
        self.see = {"causal": See.CAUSAL, "canvas": See.CANVAS}
        self.choice, self.text_pass = Choice(forbid=self.body.spec.forbidden), TextPass
        self.prefix = self.fresh()

    def fresh(self):
        """A new prefix of the one prompt."""
        prefix = self.body.prefix()
        self.body.hidden([self.text_pass(prefix, tokens(PREFIX, 1), self.see["causal"])])
        return prefix

    def text(self, ids, see, prefix=None):
        prefix = prefix or self.prefix
        found = self.body.propose([self.text_pass(prefix, ids, self.see[see])], self.choice)[0].token
        prefix.truncate(PREFIX)
        return found

    def picture(self, x, time_of_each, times=1):
        from brain.backends.body import CanvasPass
        from brain.score import positions

        grid = int(len(x) ** 0.5)
        one = CanvasPass(self.prefix, "image", x, time_of_each, *positions.image(PREFIX, grid))
        other = CanvasPass(self.prefix.fork(), "image", x, time_of_each, *positions.image(PREFIX, grid))
        return self.body.velocity([one, other][:times])[0]


def rival(folder, threads, kind):
    """The same network written the usual way in torch: ``nn.Linear``, fused attention, a kept prefix."""
    import torch
    from torch import nn
    from torch.nn import functional

    from brain.score import positions
    from brain.score.torch.load import from_folder
    from brain.score.torch.trunk import rms, rotate

    torch.set_num_threads(threads)
    network = from_folder(folder)
    spec = network.spec

    class Halved(nn.Module):
        """A matrix in bfloat16 between floats."""

        def __init__(self, weight):
            super().__init__()
            self.weight = weight.detach().bfloat16()

        def forward(self, x):
            return functional.linear(x.bfloat16(), self.weight).float()

    def linear(weight):
        if kind == "torch bf16":
            return Halved(weight)
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
            hidden = self.trunk(entered, *positions.image(PREFIX, int(len(x) ** 0.5)), "canvas")
            return network.leave("image", hidden, moment).numpy()

    body = Rival().eval()
    body.text(tokens(PREFIX, 1), "causal", 0, keep=True)
    if kind == "torch int8 dynamic":
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from torch.ao.quantization import quantize_dynamic

            body = quantize_dynamic(body, {nn.Linear}, dtype=torch.qint8)
    return body


def llamas(room, threads):
    """llama.cpp on a random network of the base's size, in two of its types; none, with a word, where it is not."""
    try:
        from llama import LlamaCpp, write

        found = {}
        for kind in ("Q2_K", "Q4_0"):
            write(room / f"{kind}.gguf", kind)
            found[f"llama.cpp {kind}"] = LlamaCpp(room / f"{kind}.gguf", threads, tokens(PREFIX, 1))
    except ImportError as error:
        print(f"llama.cpp is left out: {error}", file=sys.stderr)
        return {}
    return found


def speeds(folder, size, room, threads, quick):
    ours = Ours(folder, threads)
    torches = {name: rival(folder, threads, name) for name in TORCHES}
    of_text = llamas(room, threads) if size == "base" else {}
    small, wide = tokens(16, 2), tokens(64, 4)
    agreed = (ours.text(small, "causal") == torches["torch f32"].text(small, "causal")[0]).mean()
    if size == "base" and agreed < 0.5:
        raise SystemExit(f"the bodies agree on {agreed:.0%} of the tokens: not the same network")
    chance = np.random.default_rng(3)
    x, when = chance.standard_normal((256, 32)).astype(np.float32), np.full(256, 0.6, np.float32)
    jobs = {
        "next token": lambda body: body.text(small[:1], "causal"),
        "round of 16": lambda body: (body.text(small, "canvas"), body.text(small, "causal")),
        "four canvases of 64": lambda body: [body.text(wide, "canvas") for _ in range(4)],
        "guided picture pass": lambda body: (
            body.picture(x, when, 2) if body is ours else [body.picture(x, when) for _ in range(2)]
        ),
    }
    for what, job in jobs.items():
        bodies = {"ours": ours, **torches} if "picture" in what else {"ours": ours, **torches, **of_text}
        ways = {name: (lambda job=job, body=body: job(body)) for name, body in bodies.items()}
        rounds = (3 if quick else 15) if "picture" in what else (5 if quick else 41)
        spent = {name: 1e3 * seconds for name, seconds in interleaved(ways, rounds).items()}
        named = what if size == "base" else f"{what}, {size}"
        for name in bodies.keys() - {"ours"}:
            yield line(named, spent["ours"], spent[name], name, "ms", BARS.get(name))
        if named in BUDGET_MS:
            yield line(f"{named}, by the clock", spent["ours"], None, "", "ms", BUDGET_MS[named])
    yield at_once(ours, small, 10 if quick else 100)


def at_once(ours, ids, rounds):
    """Two requests of ``rounds`` passes at the same time beside one after the other."""

    def work():
        prefix = ours.fresh()
        for _ in range(rounds):
            ours.text(ids, "canvas", prefix)

    def together():
        both = [threading.Thread(target=work) for _ in range(2)]
        [one.start() for one in both]
        [one.join() for one in both]

    spent = interleaved({"at once": together, "in turn": lambda: (work(), work())}, 3)
    return line("two requests at once", 1e3 * spent["at once"], 1e3 * spent["in turn"], "in turn", "ms", 1.0)


def resident_mb():
    """What this process holds of memory, mapped files included (Linux)."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 1e6


def one_side(folder, side, threads):
    """What opening one body and passing a canvas adds to a process that has imported all: MB, printed."""
    import brain.backends.native  # noqa: F401

    if side == "torch":
        import torch  # noqa: F401
    tokens(64, 2)  # loads the random generators of NumPy, which are no part of a body
    before = resident_mb()
    body = Ours(folder, threads) if side == "native" else rival(folder, threads, "torch f32")
    body.text(tokens(64, 2), "canvas")
    print(resident_mb() - before)


def memory(folder, threads):
    from brain.native.weights import Weights
    from brain.score.folder import WEIGHTS

    # The decoders lie in the same file, but no text or velocity touches them: they may not flatter the ratio.
    held = Weights.open(folder / WEIGHTS)
    network = [name for name in held.names() if not name.startswith(("picture.", "vocoder."))]
    stored = sum(held.info(name).bytes for name in network) / 1e6
    for side, rival_name, bar in (("native", "the network's tensors", 1.3), ("torch", "the network's tensors", None)):
        command = [sys.executable, __file__, "--side", side, "--threads", str(threads), "--folder", str(folder)]
        found = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        yield line(f"memory held, {side}", float(found), stored, rival_name, "MB", bar)


def main():
    words = arguments(
        __doc__,
        ("--threads", {"type": int, "default": 2}),
        ("--size", {"choices": ("base", *SIZES), "default": "base"}),
        ("--folder", {"type": Path, "default": None, "help": "another model folder"}),
        ("--side", {"choices": ("native", "torch"), "help": "memory of one side, by itself"}),
    )
    if words.side:
        one_side(words.folder or BASE, words.side, words.threads)
        return 0
    with tempfile.TemporaryDirectory() as room:
        folder = words.folder or BASE
        if words.size != "base":
            folder = random_folder(words.size, Path(room) / words.size)
        show(speeds(folder, words.size, Path(room), words.threads, words.quick), words.json)
        if Path("/proc/self/statm").exists():
            show(memory(folder, words.threads), words.json)
        else:
            print("memory held is measured on Linux only", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
