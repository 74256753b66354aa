"""Every parser of a file from outside against changed files: a named error or a sound result, never a crash.

The changes come from seeds, so that a failure comes back; how long they take is not asked. The fuzz targets in
``fuzz/`` look further, with a nightly compiler, at the same parsers.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import brain
from brain.base.errors import AiosError
from brain.native.quant import quantise
from brain.native.storage import Memory, Store
from brain.native.tokenizer import Tokenizer
from brain.native.weights import (
    Weights,
    read_parquet,
    read_safetensors,
    write_parquet,
    write_safetensors,
    write_weights,
)
from brain.score.spec import ScoreSpec

CASES = 250
MATRIX = np.random.default_rng(1).standard_normal((16, 128), np.float32)


def changed(sound: bytes, seed: int) -> bytes:
    """``sound`` with one to four changes: bits, extreme numbers, cuts, doubled and exchanged parts."""
    chance = random.Random(seed)
    found = bytearray(sound)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(found) or 1)
        length = chance.choice((1, 4, 8, 64))
        other = chance.randrange(len(found) or 1)
        match chance.randrange(6):
            case 0 if found:
                found[at] ^= 1 << chance.randrange(8)
            case 1:
                found[at : at + length] = chance.choice((b"\xff", b"\x00", b"\x7f")) * length
            case 2:
                del found[at:]
            case 3:
                del found[at : at + length]
            case 4:
                found[at:at] = found[other : other + length]
            case _:
                found[at : at + length] = chance.randbytes(length)
    return bytes(found)


def weights_file(folder: Path) -> bytes:
    tensors = [("plain", MATRIX.shape, "plain", MATRIX, None)]
    schemes = ("int2.g64.r16", "int4.g128.affine", "int8.row")
    tensors += [(scheme, MATRIX.shape, scheme, *quantise(MATRIX, scheme, _rule(scheme))) for scheme in schemes]
    write_weights(folder / "sound", tensors, {"network": "test"})
    return (folder / "sound").read_bytes()


def _rule(scheme: str) -> str:
    return "mean_abs" if scheme.startswith("int2") else "range"


def read_weights(path: Path) -> None:
    weights = Weights.open(path)
    for name in weights.names():
        int(weights.packed(name).view(np.uint8).astype(np.uint64).sum())
        weights.scales(name).sum()
    weights.verify()


def parquet_file(folder: Path) -> bytes:
    weights_file(folder)
    write_parquet(folder / "table", Weights.open(folder / "sound"))
    return (folder / "table").read_bytes()


def convert_parquet(path: Path) -> None:
    out = path.with_suffix(".arrow")
    read_parquet(path, out)
    read_weights(out)


def safetensors_file(folder: Path) -> bytes:
    write_safetensors(folder / "sound", {"a": MATRIX, "b": MATRIX.astype(np.float16)}, {"key": "value"})
    return (folder / "sound").read_bytes()


def store_log(folder: Path) -> bytes:
    store = Store.open(folder / "sound", "test/1", 3)
    for number in range(4):
        store.append([Memory(bytes([number] * 16), f"text {number}", np.ones(3, np.float32), 1.0, "test")])
    store.close()
    return (folder / "sound" / "log").read_bytes()


def open_store(path: Path) -> None:
    place = path.with_suffix(".store")
    place.mkdir(exist_ok=True)
    (place / "log").write_bytes(path.read_bytes())
    (place / "mark").unlink(missing_ok=True)
    assert all(len(memory.vector) == 3 for memory in Store.open(place, "test/1", 3, writer=False).all())


def tokenizer_file(_: Path) -> bytes:
    return Tokenizer.train(["the cat sat on the mat"] * 3, 270, ["<|end|>"]).to_json().encode()


def read_tokenizer(path: Path) -> None:
    tokenizer = Tokenizer.open(path)
    tokenizer.decode(tokenizer.encode("the cat, 12 Katzen\n<|end|> 語", specials=True), skip_special=False)


def score_file(_: Path) -> bytes:
    return (Path(brain.__file__).parent / "pretrained" / "base" / "score.json").read_bytes()


def read_score(path: Path) -> None:
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return
    assert ScoreSpec.from_json(text).parameters > 0


PARSERS: dict[str, tuple[Callable[[Path], bytes], Callable[[Path], object]]] = {
    "weights": (weights_file, read_weights),
    "weights in Parquet": (parquet_file, convert_parquet),
    "safetensors": (safetensors_file, read_safetensors),
    "a store's log": (store_log, open_store),
    "tokenizer.json": (tokenizer_file, read_tokenizer),
    "score.json": (score_file, read_score),
}


@pytest.mark.parametrize("name", PARSERS)
def test_a_changed_file_is_refused_by_name_or_read_soundly(name: str, tmp_path: Path) -> None:
    make, read = PARSERS[name]
    sound = make(tmp_path)
    path = tmp_path / "changed"
    path.write_bytes(sound)
    read(path)
    refused = 0
    for seed in range(CASES):
        path.write_bytes(changed(sound, seed))
        try:
            read(path)
        except AiosError as error:
            assert error.message, seed
            refused += 1
    assert refused > CASES / 4
