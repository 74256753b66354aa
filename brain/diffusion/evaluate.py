"""Measures a model on held-out text: ``python -m brain.diffusion.evaluate MODEL --data DIR``. It trains nothing.

For each held-out file: nats a token and bits a byte of the next-token pass, with exact byte counts of the scored text;
the any-order bound of block diffusion; nats a masked token in infilling. Special tokens and the end of a document are
scored but count no bytes. A bound is called a bound.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, final

import numpy as np

from brain.backends.body import Body, Tokens
from brain.backends.select import BACKENDS, open_body
from brain.base.corpus import CorpusFile, documents, scan
from brain.base.errors import AiosError, NotFound, row_of
from brain.diffusion.likelihood import BLOCKS, Losses, measure, windows
from brain.native.tokenizer import Tokenizer
from brain.score.folder import TOKENIZER

PRECISIONS: Final = ("int8", "f32")


@final
@dataclass(frozen=True)
class Row:
    """What was measured on one file (or on all of a folder): losses in nats, ``bytes`` those of the scored text.

    ``bounds`` hold an upper bound of nats a token for blocks of ``BLOCKS`` tokens.
    """

    data: str
    windows: int
    tokens: int
    bytes: int
    next_token: float
    bits_per_byte: float
    bounds: tuple[float, ...]
    fill: float


@final
@dataclass(frozen=True)
class Plan:
    """How to measure: at most ``windows`` windows of ``length`` tokens a file, or of its first ``limit_bytes``."""

    windows: int
    length: int
    limit_bytes: int
    seed: int


def encoded(tokenizer: Tokenizer, body: Body, path: Path, limit_bytes: int) -> Tokens:
    """A file's documents as one run of tokens: beginning, text with the marks of its form, end.

    Of the text no more than ``limit_bytes`` bytes are taken (0: all); a document that is cut there has no end.
    """
    left = limit_bytes or sys.maxsize
    found = [np.zeros(0, np.uint32)]
    for text in documents(path):
        raw = text.encode()
        kept = raw[:left].decode("utf-8", errors="ignore")
        found += [np.array([body.spec.bos], np.uint32), tokenizer.encode(kept, specials=True)]
        left -= len(raw)
        if left < 0:
            break
        found.append(np.array([body.spec.eos], np.uint32))
    return np.concatenate(found)


def evaluate(body: Body, tokenizer: Tokenizer, files: Sequence[CorpusFile], plan: Plan) -> Iterator[Row]:
    """One row a file that has at least a window of text, in order, as soon as it is measured."""
    special = {token for token, _ in tokenizer.specials()}
    lengths = np.array([0 if i in special else len(tokenizer.token_bytes(i)) for i in range(tokenizer.size)])
    for file in files:
        parts = list(windows(encoded(tokenizer, body, file.path, plan.limit_bytes), plan.windows, plan.length))
        if parts:
            scored = sum(int(lengths[part[1:]].sum()) for part in parts)
            yield _row(file.name, len(parts), scored, measure(body, parts, plan.seed))


def total(rows: Sequence[Row]) -> Row:
    """All rows as one, each weighing as many tokens as it scored."""
    tokens = [row.tokens for row in rows]
    bounds = np.average([row.bounds for row in rows], axis=0, weights=tokens)
    losses = Losses(
        sum(tokens),
        float(np.average([row.next_token for row in rows], weights=tokens)),
        tuple(bounds.tolist()),
        float(np.average([row.fill for row in rows], weights=tokens)),
    )
    return _row("all", sum(row.windows for row in rows), sum(row.bytes for row in rows), losses)


def _row(data: str, count: int, scored_bytes: int, losses: Losses) -> Row:
    bits = losses.next_token * losses.tokens / math.log(2) / max(scored_bytes, 1)
    return Row(data, count, losses.tokens, scored_bytes, losses.next_token, bits, losses.bounds, losses.fill)


def _heading() -> str:
    bounds = "".join(f"{f'bound {size}':>10}" for size in BLOCKS)
    return f"{'data':32}{'tokens':>9}{'bytes':>9}{'nats':>8}{'bits/byte':>11}{bounds}{'fill':>8}"


def _line(row: Row) -> str:
    bounds = "".join(f"{bound:>10.3f}" for bound in row.bounds)
    exact = f"{row.data:32}{row.tokens:>9}{row.bytes:>9}{row.next_token:>8.3f}{row.bits_per_byte:>11.4f}"
    return f"{exact}{bounds}{row.fill:>8.3f}"


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="aios eval", description="Measure a model on held-out text.")
    parser.add_argument("model", type=Path, metavar="MODEL", help="a model folder")
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="a folder or file with held-out text")
    parser.add_argument("--backend", choices=BACKENDS, default="auto")
    parser.add_argument("--precision", choices=PRECISIONS, help="of activations; default: the model's own")
    parser.add_argument("--threads", type=int, default=2, help="of the native backend")
    parser.add_argument("--windows", type=int, default=16, help="windows a file, spread evenly over it")
    parser.add_argument("--length", type=int, default=1024, help="tokens a window")
    parser.add_argument("--limit-bytes", type=int, default=0, metavar="N", help="read no more of a file than this")
    parser.add_argument("--seed", type=int, default=0, help="of the masks")
    parser.add_argument("--json", action="store_true", help="one JSON object a line instead of a table")
    return parser


def _held_out(folder: Path) -> Sequence[CorpusFile]:
    """The held-out files below a folder, or the one file that was named."""
    corpus = scan(folder)
    files = corpus.files if folder.is_file() else corpus.held_out
    if not files:
        raise NotFound(f"{folder} has no held-out text", hint="held-out files have .val. in their name")
    return files


def _run(words: argparse.Namespace) -> None:
    """Measure, printing each row as it comes."""
    body = open_body(words.model, words.backend, words.threads, words.precision)
    tokenizer = Tokenizer.open(words.model / TOKENIZER)
    plan = Plan(words.windows, words.length, words.limit_bytes, words.seed)
    said = f"{body.spec.name}, {body.name} body, activations {words.precision or 'as trained'}, seed {plan.seed}"
    print(json.dumps({"model": body.spec.name, "backend": body.name, **asdict(plan)}) if words.json else said)
    if not words.json:
        print(f"bounds are upper bounds of nats a token; fill is nats a masked token\n{_heading()}")
    rows = []
    for row in evaluate(body, tokenizer, _held_out(words.data), plan):
        rows.append(row)
        print(json.dumps(asdict(row)) if words.json else _line(row), flush=True)
    if not rows:
        raise NotFound(f"no held-out file below {words.data} is long enough to be measured")
    print(json.dumps(asdict(total(rows))) if words.json else _line(total(rows)))


def main(words: Sequence[str] | None = None) -> int:
    """The command; gives its exit code by the table of errors."""
    try:
        _run(_arguments().parse_args(words))
    except AiosError as error:
        print(f"error: {error}", file=sys.stderr)
        return row_of(error).exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
