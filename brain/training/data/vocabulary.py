"""The tokenizer of a run: learnt from the data or taken from a file, and how a document becomes tokens. No torch."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from brain.base.corpus import documents
from brain.base.errors import InvalidInput
from brain.native.tokenizer import Tokenizer
from brain.score.spec import ScoreSpec

NAMED: Final = (
    *("<|pad|>", "<|bos|>", "<|endoftext|>", "<|mask|>", "<|user|>", "<|assistant|>", "<|end|>", "<|system|>"),
    *("<|code|>", "<|image|>", "<|audio|>", "<|plan|>", "<|memory|>"),
    *("<|tool|>", "<|prefix|>", "<|suffix|>", "<|middle|>"),
)
SPECIALS: Final = (*NAMED, *(f"<|reserved_{i}|>" for i in range(len(NAMED), 32)))
"""The house's special tokens; their ids are their places in this list."""

FORM_MARK: Final = re.compile(r"^<\|(?:user|assistant|system|end)\|>$|\A<\|code\|>", re.MULTILINE)
"""Where a document's form stands: marks on a line of their own, and the code mark at the very beginning.

The same letters anywhere else are ordinary text, so a text that talks about marks cannot forge one.
"""

LEARN_BYTES: Final = 24 << 20
"""The tokenizer is learnt from at most about this much text, spread evenly over all of it."""
PIECE_LETTERS: Final = 1 << 14
TOKEN_LIMIT: Final = 1 << 16
"""Tokens are kept in 16 bits."""


def encode(tokenizer: Tokenizer, texts: Sequence[str], spec: ScoreSpec) -> list[NDArray[np.uint16]]:
    """Each document as tokens: beginning, text with the marks of its form, end.

    Cost: that of ``Tokenizer.encode_batch`` over all parts at once.
    """
    parts: list[str] = []
    shapes: list[list[int]] = []
    for text in texts:
        shape = []
        for part, mark in _parted(text):
            parts.append(part)
            shape.append(-1 if mark is None else _known(tokenizer, mark))
        shapes.append(shape)
    tokens = iter(tokenizer.encode_batch(parts))
    return [_joined(tokens, shape, spec) for shape in shapes]


def learn(paths: Sequence[Path], vocabulary: int) -> Tokenizer:
    """Learn a byte-level BPE of at most ``vocabulary`` pieces from the files' documents, marks of form left out.

    Chance: none. Cost: two readings of the files, and memory for 24 MiB of text and its counts.
    """
    total = sum(len(text) for path in paths for text in documents(path))
    stride = max(1, -(-total // LEARN_BYTES))
    pieces = (piece for path in paths for text in documents(path) for piece in _pieces(text))
    chosen = (piece for number, piece in enumerate(pieces) if number % stride == 0)
    return Tokenizer.train(chosen, vocabulary, SPECIALS)


def check(tokenizer: Tokenizer, spec: ScoreSpec, origin: str) -> None:
    """Refuse a tokenizer whose special tokens are not those of the network's spec, or that has too many pieces."""
    for name, piece in (("pad", 0), ("bos", 1), ("eos", 2), ("mask", 3), ("user", 4), ("assistant", 5), ("end", 6)):
        _same(tokenizer, SPECIALS[piece], getattr(spec, name), origin)
    for name, piece in (("system", 7), ("code", 8), ("memory", 12)):
        _same(tokenizer, SPECIALS[piece], getattr(spec, name), origin)
    if tokenizer.size > TOKEN_LIMIT:
        raise InvalidInput(f"{origin} has {tokenizer.size} pieces; {TOKEN_LIMIT} is the limit", field="tokenizer")


def byte_lengths(tokenizer: Tokenizer) -> NDArray[np.int64]:
    """How many bytes of text each token stands for, [size]; special tokens and unused ids stand for none."""
    special = {token for token, _ in tokenizer.specials()}
    lengths = [0 if token in special else len(tokenizer.token_bytes(token)) for token in range(tokenizer.size)]
    return np.array(lengths, dtype=np.int64)


def _same(tokenizer: Tokenizer, piece: str, wanted: int, origin: str) -> None:
    if (found := tokenizer.id(piece)) != wanted:
        hint = "use a tokenizer with the house's special tokens, or leave --tokenizer out to learn one"
        raise InvalidInput(f"{origin}: {piece} is {found}, the network wants {wanted}", hint=hint, field="tokenizer")


def _known(tokenizer: Tokenizer, mark: str) -> int:
    token = tokenizer.id(mark)
    if token is None:
        raise InvalidInput(f"the tokenizer has no {mark}", field="tokenizer")
    return token


def _parted(text: str) -> Iterator[tuple[str, str | None]]:
    """The stretches of a text, each with the mark that follows it; the last is followed by none."""
    start = 0
    for mark in FORM_MARK.finditer(text):
        yield text[start : mark.start()], mark.group()
        start = mark.end()
    yield text[start:], None


def _joined(tokens: Iterator[NDArray[np.uint32]], shape: Sequence[int], spec: ScoreSpec) -> NDArray[np.uint16]:
    found = [np.array([spec.bos])]
    for mark in shape:
        found += [next(tokens), np.array([mark] if mark >= 0 else [spec.eos])]
    return np.concatenate(found).astype(np.uint16)


def _pieces(text: str) -> Iterator[str]:
    for part, _ in _parted(text):
        for start in range(0, len(part), PIECE_LETTERS):
            yield part[start : start + PIECE_LETTERS]
