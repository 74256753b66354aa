"""Opening a file of weights beside a raw memory map and safetensors: milliseconds to the first tensor's first number.

The file is warm. Every way opens it anew, finds one tensor by name (the raw map knows its offset) and reads a number of
each of its pages; the numbers are compared before timing. Ours checks its whole header meanwhile.
"""

import importlib.util
import mmap
import sys
import tempfile
from pathlib import Path

import numpy as np
from figures import arguments, interleaved, line, show

import brain
from brain.native.weights import Weights, write_safetensors

MODEL = Path(brain.__file__).parent / "pretrained" / "base" / "weights.arrow"
TENSOR = "blocks.5.gate"
PAGE = 4096


def touched(numbers):
    """The sum of a byte of each page, so that every page is really there."""
    return int(np.frombuffer(numbers, np.uint8)[::PAGE].astype(np.uint64).sum())


def raw(offset, length):
    with MODEL.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        view = memoryview(mapped)[offset : offset + length]
        found = touched(view)
        view.release()
        return found


def with_safetensors(path):
    from safetensors import safe_open

    with safe_open(path, framework="numpy") as file:
        return touched(np.ascontiguousarray(file.get_tensor(TENSOR)).reshape(-1).view(np.uint8))


def main():
    asked = arguments(__doc__)
    weights = Weights.open(MODEL)
    packed = weights.packed(TENSOR)
    offset = MODEL.read_bytes().find(packed.tobytes())
    ways = {
        "ours": lambda: touched(Weights.open(MODEL).packed(TENSOR)),
        "raw mmap": lambda: raw(offset, packed.nbytes),
    }
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "weights.safetensors"
        write_safetensors(copy, {name: np.array(weights.packed(name)) for name in weights.names()}, {})
        if importlib.util.find_spec("safetensors"):
            ways["safetensors (numpy)"] = lambda: with_safetensors(copy)
        else:
            print("safetensors is not installed: left out", file=sys.stderr)
        if len({way() for way in ways.values()}) != 1:
            raise SystemExit("the ways did not read the same numbers")
        spent = interleaved(ways, 101 if asked.quick else 501, warm=5)
    figures = [line("open to first tensor", spent["ours"] * 1e3, spent["raw mmap"] * 1e3, "raw mmap", "ms", 1.5)]
    if "safetensors (numpy)" in spent:
        rival = spent["safetensors (numpy)"] * 1e3
        figures.append(line("open to first tensor", spent["ours"] * 1e3, rival, "safetensors (numpy)", "ms", None))
    show(figures, asked.json)


if __name__ == "__main__":
    main()
