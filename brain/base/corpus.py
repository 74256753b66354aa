"""Reads a folder of texts: which files are text, which are held out, and the documents of each. Knows no tokens.

The one reader of text data for training, evaluation and calibration, so that all three agree on what is held out.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

from brain.base.errors import CorruptData, InvalidInput, NotFound, ResourceExhausted, StorageFailed, Unsupported

MARKER: Final = "<|endoftext|>"
"""A line that is exactly this ends a document."""

ENDINGS: Final = (".txt", ".md", ".jsonl", ".py")
"""The endings of text files; each may be followed by ``.zst``."""

NOTE: Final = "SOURCE.md"
"""The file that says where a folder's data comes from and under which licence; never read as text."""

DOCUMENT_BYTES: Final = 64 << 20
FILE_BYTES: Final = 8 << 30
NOTE_BYTES: Final = 1 << 20
_READ_BYTES: Final = 1 << 20
_PACKED_BYTES: Final = 1 << 8
"""zstd makes at most 8 MiB of this many packed bytes, so a bomb is met before it fills the memory."""


@final
@dataclass(frozen=True)
class CorpusFile:
    """One text file: its path, its name below the folder (with ``/``), its bytes on disk, whether it is held out."""

    path: Path
    name: str
    size_bytes: int
    held_out: bool


@final
@dataclass(frozen=True)
class SourceNote:
    """A folder's own words on where its data comes from; ``folder`` is below the corpus' folder, "." for itself."""

    folder: str
    text: str


@final
@dataclass(frozen=True)
class Corpus:
    """What ``scan`` found: text files in the order of their names, source notes, and names that were left out."""

    folder: Path
    files: tuple[CorpusFile, ...]
    notes: tuple[SourceNote, ...]
    left_out: tuple[str, ...]

    @property
    def training(self) -> tuple[CorpusFile, ...]:
        """The files that may be trained on."""
        return tuple(file for file in self.files if not file.held_out)

    @property
    def held_out(self) -> tuple[CorpusFile, ...]:
        """The files that may only be measured on."""
        return tuple(file for file in self.files if file.held_out)


def scan(folder: Path) -> Corpus:
    """Find the text files below ``folder`` (any depth), or take the one file that ``folder`` names.

    Text is what ends in ``ENDINGS``, packed by zstd or not. Held out are files with ``.val.`` in their name, and all
    files below a folder whose ``SOURCE.md`` says "evaluation only". Links, hidden names and what is no regular file
    are left out; what a link points to inside the folder is found at its own place.

    Order: by name, the same on every machine. Cost: one look at each name; no text is read.
    Raises: NotFound when there is no such folder, CorruptData for a note that is not UTF-8, StorageFailed.
    """
    if not folder.exists():
        raise NotFound(f"there is no folder {folder}", hint="name a folder with .txt, .md, .jsonl or .py files")
    if folder.is_file():
        single = _file(folder, folder.name, ())
        if single is None:
            raise InvalidInput(f"{folder} is not a text file", hint=f"text files end in {', '.join(ENDINGS)} (or .zst)")
        return Corpus(folder, (single,), (), ())
    paths, left_out = _walk(folder)
    notes = tuple(_note(folder, path) for path in paths if path.name == NOTE)
    sealed = tuple(note.folder for note in notes if "evaluation only" in note.text.lower())
    found = (_file(path, path.relative_to(folder).as_posix(), sealed) for path in paths if path.name != NOTE)
    return Corpus(folder, tuple(file for file in found if file is not None), notes, left_out)


def documents(path: Path) -> Iterator[str]:
    """The documents of one text file, in order, without their markers; empty ones are passed over.

    ``.txt`` and ``.md``: parted by lines that are exactly ``<|endoftext|>``. ``.jsonl``: the string ``text`` of each
    line's object. ``.py``: one document in the code form, ``<|code|>python NAME`` and then the file.

    Cost: memory for one document. Raises: CorruptData with path and byte offset for what is not UTF-8, is binary
    (holds a zero byte), is cut short or is no JSON; InvalidInput for a line without ``text``; ResourceExhausted over
    64 MiB a document or 8 GiB a file (unpacked); Unsupported when zstandard is missing; StorageFailed.
    """
    ending = _ending(path.name)
    if ending is None:
        raise InvalidInput(f"{path} is not a text file", hint=f"text files end in {', '.join(ENDINGS)} (or .zst)")
    lines = _lines(path)
    if ending == ".jsonl":
        yield from _records(path, lines)
    elif ending == ".py":
        yield from _program(path, lines)
    else:
        yield from _marked(path, lines)


def digest(path: Path) -> str:
    """SHA-256 of a file's bytes as they lie on disk, in hexadecimal. Raises StorageFailed."""
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise _refused(path, error) from error


def _ending(name: str) -> str | None:
    plain = name.removesuffix(".zst")
    return next((ending for ending in ENDINGS if plain.endswith(ending) and plain != ending), None)


def _walk(folder: Path) -> tuple[list[Path], tuple[str, ...]]:
    def refuse(error: OSError) -> None:
        raise _refused(Path(error.filename or folder), error) from error

    paths: list[Path] = []
    left_out: list[str] = []
    for root, folders, names in os.walk(folder, onerror=refuse, followlinks=False):
        here = Path(root)
        left_out += [str((here / name).relative_to(folder)) for name in folders if (here / name).is_symlink()]
        folders[:] = sorted(name for name in folders if not name.startswith(".") and not (here / name).is_symlink())
        for name in names:
            path = here / name
            if name.startswith(".") or (_ending(name) is None and name != NOTE):
                continue
            if stat.S_ISREG(path.lstat().st_mode):
                paths.append(path)
            else:
                left_out.append(path.relative_to(folder).as_posix())
    return sorted(paths, key=lambda path: path.relative_to(folder).as_posix()), tuple(sorted(left_out))


def _file(path: Path, name: str, sealed: tuple[str, ...]) -> CorpusFile | None:
    if _ending(path.name) is None:
        return None
    below_seal = any(folder == "." or name.startswith(f"{folder}/") for folder in sealed)
    return CorpusFile(path, name, path.stat().st_size, below_seal or ".val." in path.name)


def _note(folder: Path, path: Path) -> SourceNote:
    raw = path.read_bytes() if path.stat().st_size <= NOTE_BYTES else b""
    if not raw and path.stat().st_size:
        raise ResourceExhausted(f"{path}: {path.stat().st_size} bytes, a note may have {NOTE_BYTES}")
    return SourceNote(path.parent.relative_to(folder).as_posix(), _text(path, raw, 0))


def _chunks(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as stream:
            if path.name.endswith(".zst"):
                yield from _unpacked(path, iter(lambda: stream.read(_PACKED_BYTES), b""))
            else:
                yield from iter(lambda: stream.read(_READ_BYTES), b"")
    except OSError as error:
        raise _refused(path, error) from error


def _unpacked(path: Path, packed: Iterator[bytes]) -> Iterator[bytes]:
    try:
        import zstandard
    except ImportError as error:
        hint = "uv run --group train …, or unpack it with zstd -d"
        raise Unsupported(f"reading {path} needs zstandard", hint=hint) from error
    unpacker = None
    offset = 0
    for chunk in packed:
        rest = chunk
        while rest:
            unpacker = unpacker or zstandard.ZstdDecompressor().decompressobj()
            try:
                yield unpacker.decompress(rest)
            except zstandard.ZstdError as error:
                raise CorruptData(f"{path}: packed bytes near {offset} are damaged ({error})") from error
            rest = unpacker.unused_data if unpacker.eof else b""
            unpacker = None if unpacker.eof else unpacker
        offset += len(chunk)
    if unpacker is not None:
        raise CorruptData(f"{path}: cut short after {offset} packed bytes", hint="fetch it again")


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Lines without their line feed, each with the byte offset (unpacked) where it starts."""
    carry = b""
    start = 0
    for chunk in _chunks(path):
        *whole, carry = (carry + chunk).split(b"\n")
        for line in whole:
            yield start, line
            start += len(line) + 1
        _bounded(path, "line", len(carry), DOCUMENT_BYTES, start)
        _bounded(path, "file", start, FILE_BYTES, start)
    if carry:
        yield start, carry


def _bounded(path: Path, what: str, size: int, limit: int, offset: int) -> None:
    if size > limit:
        hint = f"part it into documents by lines {MARKER}, or into several files"
        raise ResourceExhausted(f"{path}: a {what} near byte {offset} is longer than {limit} bytes", hint=hint)


def _text(path: Path, raw: bytes, offset: int) -> str:
    if (zero := raw.find(b"\0")) >= 0:
        raise CorruptData(f"{path}: a zero byte at offset {offset + zero}: this is binary, not text")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        hint = "turn the file into UTF-8, or take it out of the folder"
        raise CorruptData(f"{path}: byte {offset + error.start} is not UTF-8 ({error.reason})", hint=hint) from error


def _marked(path: Path, lines: Iterator[tuple[int, bytes]]) -> Iterator[str]:
    marks = (MARKER.encode(), MARKER.encode() + b"\r")
    held: list[bytes] = []
    size = 0
    begin = 0
    for offset, line in lines:
        if line in marks:
            yield from _document(path, held, begin)
            held, size = [], 0
            continue
        begin = begin if held else offset
        held.append(line)
        size += len(line) + 1
        _bounded(path, "document", size, DOCUMENT_BYTES, begin)
    yield from _document(path, held, begin)


def _document(path: Path, held: list[bytes], begin: int) -> Iterator[str]:
    text = _text(path, b"\n".join(held), begin).strip("\n")
    if text.strip():
        yield text


def _program(path: Path, lines: Iterator[tuple[int, bytes]]) -> Iterator[str]:
    held: list[bytes] = []
    size = 0
    for _, line in lines:
        held.append(line)
        size += len(line) + 1
        _bounded(path, "document", size, DOCUMENT_BYTES, 0)
    for text in _document(path, held, 0):
        yield f"<|code|>python {path.name.removesuffix('.zst')}\n{text}"


def _records(path: Path, lines: Iterator[tuple[int, bytes]]) -> Iterator[str]:
    for number, (offset, line) in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(_text(path, line, offset))
        except (json.JSONDecodeError, RecursionError) as error:
            raise CorruptData(f"{path}: line {number}, at byte {offset}, is no JSON ({error})") from error
        text = record.get("text") if isinstance(record, dict) else None
        if not isinstance(text, str):
            raise InvalidInput(f'{path}: line {number} has no string "text"', hint='each line is {"text": "…"}')
        if not text.isascii() and any("\ud800" <= letter <= "\udfff" for letter in text):
            raise CorruptData(f"{path}: line {number}, at byte {offset}, holds half a surrogate pair: not Unicode text")
        if text.strip():
            yield text.strip("\n")


def _refused(path: Path, error: OSError) -> StorageFailed:
    return StorageFailed(f"{path} cannot be read: {error.strerror}", errno=error.errno, filename=str(path))
