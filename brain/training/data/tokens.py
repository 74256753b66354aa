"""All the text of a run as one stream of tokens, with what is held out beside it. Draws nothing, trains nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

import numpy as np
from numpy.typing import NDArray

from brain.base.corpus import Corpus, CorpusFile, SourceNote, digest, documents, scan
from brain.base.errors import InvalidInput
from brain.native.tokenizer import Tokenizer
from brain.score.spec import ScoreSpec
from brain.training.data.vocabulary import encode

TokenStream = NDArray[np.uint16]
Starts = NDArray[np.int64]

BATCH_LETTERS: Final = 4 << 20
TAIL_SHARE: Final = 0.05
"""Without held-out files this much of the stream's end is held out instead."""


@final
@dataclass(frozen=True)
class Source:
    """One file of the data: its name, SHA-256 as it lies on disk, documents, tokens, and whether it is held out."""

    name: str
    sha256: str
    documents: int
    tokens: int
    held_out: bool


@final
@dataclass(frozen=True)
class Texts:
    """Where a run's text lies, before it becomes tokens: folders as scanned and the digest of each file."""

    corpora: tuple[Corpus, ...]
    digests: tuple[str, ...]

    @property
    def files(self) -> tuple[tuple[str, CorpusFile], ...]:
        """Every file with its name, the folder's own name in front."""
        return tuple((f"{corpus.folder.name}/{file.name}", file) for corpus in self.corpora for file in corpus.files)

    @property
    def training_paths(self) -> tuple[Path, ...]:
        """The files that may be trained on."""
        return tuple(file.path for _, file in self.files if not file.held_out)

    @property
    def notes(self) -> tuple[SourceNote, ...]:
        """The folders' own words on source and licence."""
        return tuple(
            SourceNote(corpus.folder.name if note.folder == "." else f"{corpus.folder.name}/{note.folder}", note.text)
            for corpus in self.corpora
            for note in corpus.notes
        )

    @property
    def fingerprint(self) -> str:
        """One hash of all names and digests: the same text in the same order, and only that, gives the same."""
        law = hashlib.sha256()
        for (name, file), of in zip(self.files, self.digests, strict=True):
            law.update(f"{name}\0{file.held_out}\0{of}\n".encode())
        return law.hexdigest()


@final
@dataclass(frozen=True)
class TokenData:
    """The text as tokens: the training stream with the start of each document (and its end as the last entry).

    ``tail`` says that the held-out stream is the end of the training files, for want of held-out ones.
    """

    training: TokenStream
    starts: Starts
    held_out: TokenStream
    sources: tuple[Source, ...]
    tail: bool


def find(folders: Sequence[Path]) -> Texts:
    """Scan the folders. Raises InvalidInput naming a folder that has no text to train on, and what ``scan`` raises."""
    corpora = tuple(scan(folder.absolute()) for folder in folders)
    for corpus in corpora:
        if not corpus.training:
            why = "only held-out text" if corpus.files else "no text"
            hint = "text is .txt, .md, .jsonl or .py (or .zst of it) without .val. in its name"
            raise InvalidInput(f"{corpus.folder} holds {why}", hint=hint, field="data")
    return Texts(corpora, tuple(digest(file.path) for corpus in corpora for file in corpus.files))


def tokenise(texts: Texts, tokenizer: Tokenizer, spec: ScoreSpec, least: int, say: Callable[[str], None]) -> TokenData:
    """All documents of all files as tokens, training files one after the other in their order.

    ``least`` is the fewest training tokens that the run can use. Raises InvalidInput naming the folders when there
    are fewer, with how much is missing; and what ``documents`` raises. Cost: 2 bytes a token, and the tokenizer.
    """
    kept: dict[bool, list[TokenStream]] = {False: [], True: []}
    sources = []
    for (name, file), of in zip(texts.files, texts.digests, strict=True):
        found = list(_encoded(file.path, tokenizer, spec))
        kept[file.held_out] += found
        sources.append(Source(name, of, len(found), sum(map(len, found)), file.held_out))
        say(f"read {name}: {sources[-1].documents} documents, {sources[-1].tokens} tokens")
    training, held_out = (np.concatenate([np.zeros(0, np.uint16), *kept[held]]) for held in (False, True))
    starts = np.cumsum([0, *map(len, kept[False])], dtype=np.int64)
    cut = int(len(training) * (1 - TAIL_SHARE))
    tail = len(held_out) == 0 and len(training) - cut >= least and cut >= least
    if tail:
        training, held_out = training[:cut], training[cut:]
        starts = np.append(starts[starts < cut], cut)
    _enough(texts, len(training), least)
    return TokenData(training, starts, held_out, tuple(sources), tail)


def _encoded(path: Path, tokenizer: Tokenizer, spec: ScoreSpec) -> Iterator[TokenStream]:
    batch: list[str] = []
    letters = 0
    for text in documents(path):
        batch.append(text)
        letters += len(text)
        if letters >= BATCH_LETTERS:
            yield from encode(tokenizer, batch, spec)
            batch, letters = [], 0
    yield from encode(tokenizer, batch, spec)


def _enough(texts: Texts, tokens: int, least: int) -> None:
    if tokens < least:
        folders = ", ".join(str(corpus.folder) for corpus in texts.corpora)
        hint = f"add about {4 * (least - tokens)} bytes of text or more, or choose a smaller recipe"
        raise InvalidInput(f"{folders}: {tokens} tokens of text; this recipe needs {least}", hint=hint, field="data")
