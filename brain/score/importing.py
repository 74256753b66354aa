"""``python -m brain.score.importing SRC OUT``: a folder of safetensors becomes a model folder. It trains nothing.

SRC holds score.json, tokenizer.json and either packed tensors (``….codes`` with ``….scales``, re-packed, never rounded
again) or plain floating tensors under the names of ``ScoreSpec.tensors`` (rounded to the scheme that score.json names).
Beside packed tensors, image.decoder.safetensors and vocoder.safetensors go into the same file behind the network, and
image.encoder.safetensors becomes encoder.arrow; beside plain ones they are refused, for there they could not be kept.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from brain.base.errors import AiosError, Conflict, CorruptData, NotFound, StorageFailed, Unsupported, row_of
from brain.native.quant import quantise
from brain.native.weights import Weights, import_score_folder, read_safetensors, write_weights
from brain.score.folder import SCORE, TOKENIZER, WEIGHTS
from brain.score.spec import INT2, PLAIN, ScoreSpec, TensorSpec

SOURCE: Final = "score.safetensors"
DECODERS: Final = ("image.decoder.safetensors", "image.encoder.safetensors", "vocoder.safetensors")
CARD: Final = "CARD.md"
Stored = tuple[str, Sequence[int], str, NDArray[Any], NDArray[np.float16] | None]


def take(source: Path, out: Path) -> int:
    """Make the model folder ``out`` from ``source``; gives the bytes of its weights.

    ``out`` appears whole or not at all. Raises: NotFound for a missing file, Conflict when ``out`` is there already,
    CorruptData for what disagrees with score.json, StorageFailed, InvalidInput for numbers that cannot be rounded,
    Unsupported for decoders beside plain tensors.
    """
    for name in (SCORE, SOURCE, TOKENIZER):
        if not (source / name).is_file():
            hint = "a source folder holds score.json, score.safetensors and tokenizer.json"
            raise NotFound(f"{source} has no {name}", hint=hint)
    if out.exists():
        raise Conflict(f"{out} is there already", hint="choose another name, or remove it first")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{out.name}.", dir=out.parent) as room:
            made = Path(room) / "model"
            size = _make(source, made)
            made.rename(out)
    except OSError as error:
        if isinstance(error, AiosError):
            raise
        message = f"{error.filename or out}: {error.strerror or error}"
        raise StorageFailed(message, errno=error.errno, filename=str(error.filename or out)) from error
    return size


def _make(source: Path, made: Path) -> int:
    """Fill the new folder ``made``; gives the bytes of its weights."""
    spec = _spec(source / SCORE)
    tensors = read_safetensors(source / SOURCE)
    if any(name.endswith(".codes") for name in tensors):
        size = import_score_folder(source, made)
    else:
        _refuse_decoders(source)
        made.mkdir(mode=0o700)
        stored = [_stored(tensors, tensor) for tensor in spec.tensors()]
        size = write_weights(made / WEIGHTS, stored, {"name": spec.name})
        shutil.copyfile(source / SCORE, made / SCORE)
        shutil.copyfile(source / TOKENIZER, made / TOKENIZER)
    _check(made, spec)
    if (source / CARD).is_file():
        shutil.copyfile(source / CARD, made / CARD)
    return size


def _refuse_decoders(source: Path) -> None:
    """Plain tensors are taken without decoders; losing some silently would be worse."""
    for name in DECODERS:
        if (source / name).is_file():
            hint = "leave the decoders out, or pack the network first"
            raise Unsupported(f"{source / name} beside plain tensors", hint=hint)


def _spec(path: Path) -> ScoreSpec:
    """The source's ``score.json``."""
    try:
        return ScoreSpec.from_json(path.read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        raise CorruptData(f"{path}: byte {error.start} is not UTF-8") from error


def _stored(tensors: Mapping[str, NDArray[Any]], tensor: TensorSpec) -> Stored:
    """One floating tensor in the scheme and dtype that the product keeps it in."""
    found = tensors.get(tensor.name)
    if found is None or found.shape != tensor.shape:
        what = "is missing" if found is None else f"is {list(found.shape)}, not {list(tensor.shape)}"
        raise CorruptData(f"{SOURCE}: tensor {tensor.name} {what}", hint="score.json names every size")
    if not np.issubdtype(found.dtype, np.floating):
        raise CorruptData(f"{SOURCE}: tensor {tensor.name} is {found.dtype}, not floating")
    values = np.ascontiguousarray(found, dtype=np.float32)
    if tensor.scheme == PLAIN:
        with np.errstate(over="ignore"):  # what overflows is refused below, by name
            kept = values.astype({"f32": np.float32, "f16": np.float16}[tensor.dtype])
        if not np.isfinite(kept).all():
            raise CorruptData(f"{SOURCE}: tensor {tensor.name} has numbers that {tensor.dtype} cannot hold")
        return tensor.name, tensor.shape, tensor.scheme, kept, None
    packed, scales = quantise(values, tensor.scheme, "mean_abs" if tensor.scheme == INT2 else "range")
    return tensor.name, tensor.shape, tensor.scheme, packed, scales


def _check(made: Path, spec: ScoreSpec) -> None:
    """The written file holds each of the network's tensors, whole."""
    weights = Weights.open(made / WEIGHTS)
    for tensor in spec.tensors():
        if tensor.name not in weights or tuple(weights.info(tensor.name).shape) != tensor.shape:
            raise CorruptData(f"the import gave no tensor {tensor.name} {list(tensor.shape)}")
    weights.verify()


def main(words: Sequence[str] | None = None) -> int:
    """The command; gives its exit code by the table of errors."""
    parser = argparse.ArgumentParser(prog="aios import", description="Make a model folder from safetensors.")
    parser.add_argument("source", type=Path, metavar="SRC", help="score.json, score.safetensors, tokenizer.json")
    parser.add_argument("out", type=Path, metavar="OUT", help="the model folder to make")
    asked = parser.parse_args(words)
    try:
        size = take(asked.source, asked.out)
    except AiosError as error:
        print(f"error: {error}", file=sys.stderr)
        return row_of(error).exit_code
    print(f"{asked.out}: {size} bytes of weights")
    return 0


if __name__ == "__main__":
    sys.exit(main())
