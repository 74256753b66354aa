"""``aios remember`` and ``aios recall``: the user's own texts, kept and found again."""

from __future__ import annotations

import argparse
import errno
import json
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from brain.base.corpus import ENDINGS
from brain.base.errors import InvalidInput, NotFound, StorageFailed
from brain.cli.connection import connected
from brain.cli.frame import visible

PARAGRAPH_LIMIT_BYTES: Final = 2_000
"""A file is kept a paragraph at a time; longer ones are cut at this many bytes, between words."""

_FILE_LIMIT_BYTES: Final = 16 << 20
_A_CALL: Final = 256


def remember(words: argparse.Namespace) -> int:
    """Keep each TEXT as one memory and each FILE as one a paragraph; prints the names once they are on disk."""
    texts = [pair for what in words.what for pair in _texts(what)]
    if not texts:
        raise InvalidInput("nothing to remember", hint="give some words, or a file that has some")
    with connected() as client:
        for start in range(0, len(texts), _A_CALL):
            some = texts[start : start + _A_CALL]
            for name, (text, source) in zip(client.remember(some), some, strict=True):
                if words.json:
                    print(json.dumps({"name": name, "source": source, "bytes": len(text.encode())}), flush=True)
                else:
                    print(f"{name}  {_short(text, 60)}", flush=True)
    return 0


def recall(words: argparse.Namespace) -> int:
    """Print the memories nearest to a query, the nearest first."""
    with connected() as client:
        found = client.recall(" ".join(words.query), words.limit)
    for memory in found:
        if words.json:
            print(json.dumps(asdict(memory)))
            continue
        day = datetime.fromtimestamp(memory.created_unix_s, UTC).astimezone().strftime("%Y-%m-%d")
        source = f" · {memory.source}" if memory.source else ""
        print(f"{memory.similarity:5.2f}  {memory.name} · {day}{source}\n       {_short(memory.text, 200)}")
    if not found and not words.json:
        print("no memories yet; aios remember TEXT keeps one")
    return 0


def paragraphs(text: str) -> Iterator[str]:
    """The paragraphs of a text (blank lines between them); long ones are cut between words, long words anywhere."""
    for paragraph in text.replace("\r\n", "\n").split("\n\n"):
        whole = paragraph.strip("\n").rstrip()
        if len(whole.encode()) <= PARAGRAPH_LIMIT_BYTES:
            yield from (whole,) if whole else ()
            continue
        piece = ""
        for word in (part for long in whole.split() for part in _cut(long)):
            if piece and len((piece + " " + word).encode()) > PARAGRAPH_LIMIT_BYTES:
                yield piece
                piece = ""
            piece = f"{piece} {word}" if piece else word
        if piece:
            yield piece


def _cut(word: str) -> Iterator[str]:
    """A word in parts of at most the limit, whatever its letters take: a letter is four bytes at most."""
    if len(word.encode()) <= PARAGRAPH_LIMIT_BYTES:
        yield word
        return
    letters = PARAGRAPH_LIMIT_BYTES // 4
    yield from (word[start : start + letters] for start in range(0, len(word), letters))


def _texts(what: str) -> list[tuple[str, str]]:
    # A name that is a file means the file; everything else is words, also those too long to be a name.
    try:
        file = Path(what)
        if not file.is_file():
            return _words(what, file)
        if file.stat().st_size > _FILE_LIMIT_BYTES:
            raise InvalidInput(f"{file} is larger than {_FILE_LIMIT_BYTES >> 20} MiB", hint="remember a part of it")
        return [(paragraph, file.name) for paragraph in paragraphs(file.read_bytes().decode("utf-8"))]
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{what} is not UTF-8 at byte {error.start}", hint="only text can be remembered") from error
    except ValueError as error:
        if isinstance(error, InvalidInput):
            raise
        return [(what, "")]
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            return [(what, "")]
        raise StorageFailed(f"{what}: {error.strerror}", errno=error.errno, filename=what) from error


def _words(what: str, file: Path) -> list[tuple[str, str]]:
    # A single word that ends like a text file was meant as one: to keep its name for its words would lose them.
    if file.suffix in ENDINGS and len(what.split()) == 1:
        raise NotFound(f"there is no file {what}", hint="check the name; words of your own may be several")
    return [(what, "")] if what.strip() else []


def _short(text: str, limit: int) -> str:
    line = "".join(map(visible, " ".join(text.split())))
    return line if len(line) <= limit else line[: limit - 1] + "…"
