"""The forms in which the model was trained to meet text: documents, conversations, code, memories. Only tokens."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, Protocol

import numpy as np

from brain.backends.body import Tokens
from brain.base.errors import InvalidInput
from brain.base.messages import Request
from brain.score.spec import ScoreSpec

PROMPT_LIMIT: Final = 4096
"""Tokens of a prompt at most, everything before and after a hole and all memories included."""
MEMORY_TOKENS: Final = 192
"""Tokens of one memory that the model is shown; the windows of memories that it was trained with are as long."""
CODE_HEAD: Final = "python main.py\n"
"""The first line of a code document after its mark: language and file name, as in the data that it was trained on."""


class Vocabulary(Protocol):
    """What prompts and texts need of a tokenizer; ``brain.native.tokenizer.Tokenizer`` is one."""

    def encode(self, text: str, specials: bool = False) -> Tokens:
        """The ids [n] of ``text``; without ``specials`` no id is a special one, whatever the text spells."""

    def token_bytes(self, token: int) -> bytes:
        """The bytes that a token stands for."""

    def specials(self) -> list[tuple[int, str]]:
        """The special tokens, id and spelling."""


def prompt_tokens(request: Request, memories: Sequence[str], spec: ScoreSpec, vocabulary: Vocabulary) -> Tokens:
    """The tokens before what is generated.

    Each memory is ``<|memory|>`` text ``<|end|>``, all before ``<|bos|>``. A conversation is ``<|user|>`` and
    ``<|assistant|>`` in turn, each turn's text between line feeds; code is ``<|code|>`` with a first line that names
    language and file. Words of the request and of memories never become special tokens.

    Raises: InvalidInput with the number of tokens when there are more than ``PROMPT_LIMIT``.
    """
    return _bounded([*_memories(memories, spec, vocabulary), *_opening(request, spec, vocabulary)])


def hole_tokens(
    request: Request, memories: Sequence[str], spec: ScoreSpec, vocabulary: Vocabulary
) -> tuple[Tokens, Tokens]:
    """The tokens before a hole, with the same forms, and those after it. Raises InvalidInput as ``prompt_tokens``."""
    if request.hole is None:
        raise InvalidInput("the request has no hole", field="hole")
    after = vocabulary.encode(request.hole.after)
    before = _bounded([*_memories(memories, spec, vocabulary), *_opening(request, spec, vocabulary), after])
    return before[: len(before) - len(after)], after


def _opening(request: Request, spec: ScoreSpec, vocabulary: Vocabulary) -> Iterator[Tokens]:
    """The document that is gone on with, from its first token."""
    yield _mark(spec.bos)
    if request.chat:
        yield from _conversation(request, spec, vocabulary)
        return
    if request.modality == "code":
        yield _mark(spec.code)
        yield vocabulary.encode(CODE_HEAD)
    yield vocabulary.encode(request.prompt if request.hole is None else request.hole.before)


def _conversation(request: Request, spec: ScoreSpec, vocabulary: Vocabulary) -> Iterator[Tokens]:
    """The turns so far, the prompt as the user's last one, and the assistant's mark."""
    marks = (spec.user, spec.assistant)
    for number, turn in enumerate((*request.turns, request.prompt)):
        yield _mark(marks[number % 2])
        yield vocabulary.encode(f"\n{turn}\n")
    yield _mark(spec.assistant)
    yield vocabulary.encode("\n")


def _memories(memories: Sequence[str], spec: ScoreSpec, vocabulary: Vocabulary) -> Iterator[Tokens]:
    """Each memory between its marks, cut to ``MEMORY_TOKENS``."""
    for text in memories:
        yield _mark(spec.memory)
        yield vocabulary.encode(text)[:MEMORY_TOKENS]
        yield _mark(spec.end)


def _mark(token: int) -> Tokens:
    return np.array([token], dtype=np.uint32)


def _bounded(parts: Sequence[Tokens]) -> Tokens:
    """The parts as one; refused when they are too many."""
    tokens = np.concatenate(parts).astype(np.uint32)
    if len(tokens) > PROMPT_LIMIT:
        raise InvalidInput(
            f"the prompt has {len(tokens)} tokens, its memories included",
            hint=f"at most {PROMPT_LIMIT}: shorten the text or ask for fewer memories",
            field="prompt",
        )
    return tokens
