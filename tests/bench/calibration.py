"""What calibration by activations is worth: next-token bits a byte, the trunk quantised after training.

    python tests/bench/calibration.py --data DIR [--latent latent.safetensors]

The source is the shipped network's trunk as floats (its four levels with a scale each 64 inputs), which a coarser
scheme must round again; with ``--latent`` the four bits a weight that training went on from, in its place. Second
moments come from texts of DIR that are for training, the figures from held-out ones. Every trunk is rounded, freed
and run in float32 by the native body with INT8 activations, so that schemes without a kernel are measured too.
Source: arXiv:2210.17323.
"""

import tempfile
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from figures import arguments, line, show

import brain
from brain.backends.body import Choice, See, TextPass
from brain.backends.select import open_body
from brain.base.corpus import scan
from brain.diffusion.evaluate import encoded
from brain.diffusion.likelihood import windows
from brain.native.quant import dequantise, quantise, quantise_calibrated, relative_error
from brain.native.tokenizer import Tokenizer
from brain.native.weights import Weights, read_safetensors, write_weights
from brain.score.folder import SCORE, TOKENIZER, WEIGHTS, read_spec
from brain.score.spec import PLAIN, TRUNK
from brain.score.torch import trunk
from brain.score.torch.load import from_tensors, tensors_of

BASE = Path(brain.__file__).parent / "pretrained" / "base"
ALIKE = {"wk": "wq", "wv": "wq", "up": "gate"}
SHIPPED = ("int2.g128", "int2.row", "int4.row")
LATENT = ("int2.g64.r16", "int2.row", "int4.g64")


def latents(path, shipped):
    """The trunk as training left it: w = s ((4 code + residual + .5) / 4 - 2), codes and scales of the shipped file."""
    two = np.array([0, 2, 4, 6], np.uint8)
    for key, packed in read_safetensors(path).items():
        name = key.removesuffix(".residual")
        residual = (packed[:, :, None] >> two & 3).reshape(packed.shape[0], -1)
        w = shipped[name].reshape(residual.shape[0], -1, 64)
        scale = np.abs(w).min(2, keepdims=True) * 2
        code = np.round(w / scale + 1.5)
        fine = (4 * code + residual.reshape(w.shape) + 0.5) / 4 - 2
        yield name, np.ascontiguousarray((scale * fine).reshape(residual.shape), np.float32)


def moments(network, tokens, length):
    """Second moments [columns, columns] of what enters each matrix of the trunk, over windows of ``tokens``."""
    sums, count = {}, 0
    places = {id(block): number for number, block in enumerate(network.blocks)}
    product = trunk.Block._linear

    def watched(block, x, name):
        if name not in ALIKE:
            flat = x.reshape(-1, x.shape[-1])
            key = f"blocks.{places[id(block)]}.{name}"
            sums[key] = sums.get(key, 0) + flat.T @ flat
        return product(block, x, name)

    trunk.Block._linear = watched
    try:
        with torch.no_grad():
            for start in range(0, len(tokens) - length, length):
                part = torch.from_numpy(tokens[start : start + length].astype(np.int64))[None]
                cos, sin = network.angles(torch.arange(length)[None])
                network.trunk(network.embed(part), cos, sin, torch.ones(length, length).tril().bool())
                count += length
    finally:
        trunk.Block._linear = product
    return {key: (total / count).float().numpy() for key, total in sums.items()}


def bits(spec, tensors, parts, scored_bytes):
    """Bits a byte of the network with these float tensors."""
    with tempfile.TemporaryDirectory() as room:
        folder = Path(room)
        plain = spec.with_scheme(PLAIN)
        (folder / SCORE).write_text(plain.to_json(), encoding="utf-8")
        (folder / TOKENIZER).write_bytes((BASE / TOKENIZER).read_bytes())
        shipped = Weights.open(BASE / WEIGHTS)
        stored = []
        for tensor in plain.tensors():
            if tensor.name in tensors:
                stored.append((tensor.name, tensor.shape, PLAIN, tensors[tensor.name], None))
            else:
                scales = shipped.scales(tensor.name)
                kept = shipped.packed(tensor.name)
                stored.append((tensor.name, tensor.shape, tensor.scheme, kept, scales if len(scales) else None))
        write_weights(folder / WEIGHTS, stored, {})
        body = open_body(folder, "native", 2, "int8")
        nats = 0.0
        for part in parts:
            asked = TextPass(body.prefix(), part[:-1], See.CAUSAL, targets=part[1:].astype(np.int64))
            nats -= float(body.propose([asked], Choice())[0].target_log_prob.sum())
        return nats / np.log(2) / scored_bytes


def rounded(w, scheme, way, seen):
    if way == "blind":
        packed = quantise(w, scheme, "least_squares")
    else:
        known = seen if way == "full" else np.ascontiguousarray(np.diagonal(seen))
        packed = quantise_calibrated(w, scheme, known)
    return dequantise(*packed, *w.shape, scheme)


def main():
    data = ("--data", {"type": Path, "required": True, "help": "a folder with texts for training and held-out ones"})
    latent = (
        "--latent",
        {"type": Path, "help": "two more bits of every trunk weight, which are then the source in place of the file's"},
    )
    asked = arguments(__doc__, data, latent)
    spec, tokenizer = read_spec(BASE), Tokenizer.open(BASE / TOKENIZER)
    shipped = tensors_of(Weights.open(BASE / WEIGHTS), spec)
    corpus = scan(asked.data)
    body = open_body(BASE, "native", 2, "int8")
    training = [file for file in corpus.files if file not in corpus.held_out]
    spread = [
        encoded(tokenizer, body, file.path, 2_000 if asked.quick else 20_000)
        for file in islice(training, 0, None, max(len(training) // 8, 1))
    ]
    seen = moments(from_tensors(spec, shipped, activations=True), np.concatenate(spread), 512)
    parts = []
    for file in corpus.held_out[:: 3 if asked.quick else 1]:
        parts += windows(encoded(tokenizer, body, file.path, 100_000), 1 if asked.quick else 2, 512)
    special = {token for token, _ in tokenizer.specials()}
    lengths = np.array([0 if i in special else len(tokenizer.token_bytes(i)) for i in range(tokenizer.size)])
    scored_bytes = sum(int(lengths[part[1:]].sum()) for part in parts)
    if asked.latent:
        sources = {"latent": ({**shipped, **dict(latents(asked.latent, shipped))}, LATENT)}
    else:
        sources = {"shipped": (shipped, SHIPPED[: 1 if asked.quick else None])}
    for title, (source, schemes) in sources.items():
        names = [name for name in source if name.split(".")[-1] in TRUNK]
        base = bits(spec, {name: source[name] for name in names}, parts, scored_bytes)
        show([line(f"{title}, not rounded again", base, None, "none", "bits/byte", None)], asked.json)
        for scheme in schemes:
            found = {}
            for way in ("blind", "squares", "full"):
                trunk_of = {}
                for name in names:
                    lead, matrix = name.rsplit(".", 1)
                    trunk_of[name] = rounded(source[name], scheme, way, seen[f"{lead}.{ALIKE.get(matrix, matrix)}"])
                error = np.sqrt(np.mean([relative_error(source[name], trunk_of[name]) ** 2 for name in names]))
                found[way] = bits(spec, trunk_of, parts, scored_bytes)
                what = f"{title}, {scheme}, {way} (relative error {error:.3f})"
                bar = None if way == "blind" else 1
                show([line(what, found[way], found["blind"], "blind", "bits/byte", bar)], asked.json)


if __name__ == "__main__":
    main()
