"""Chooses which memories a model is shown for a request, within a bound of tokens. It builds no prompts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol, final

from brain.base.reports import Memory

if TYPE_CHECKING:
    from brain.native.tokenizer import Tokenizer

TOKENS_SHOWN: Final = 256
"""All memories of one call together: the model was trained with short ones before a short window."""

LEAST_SIMILARITY: Final = 0.1
"""A memory that shares next to nothing with the query is not shown, however few there are."""


class Recaller(Protocol):
    """What memories are asked through; ``brain.conditioning.memory.Memories`` is one."""

    def recall(self, query: str, limit: int) -> Sequence[Memory]:
        """The memories that answer ``query`` best, best first."""


@final
@dataclass(frozen=True)
class Retrieved:
    """What to show, best first: the memories' names, and their texts as far as they fit."""

    names: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()


def retrieve(memories: Recaller, tokenizer: Tokenizer, query: str, limit: int, tokens: int = TOKENS_SHOWN) -> Retrieved:
    """At most ``limit`` memories near to ``query`` whose texts take at most ``tokens`` tokens together.

    The last one may be cut at its end; none is shown of which nothing fits. ``limit`` 0 asks nothing.
    """
    if limit < 1:
        return Retrieved()
    names: list[str] = []
    texts: list[str] = []
    for memory in memories.recall(query, limit):
        if tokens < 1:
            break
        if memory.similarity < LEAST_SIMILARITY:
            continue
        ids = tokenizer.encode(memory.text)
        names.append(memory.name)
        texts.append(memory.text if len(ids) <= tokens else tokenizer.decode(ids[:tokens]).rstrip("\ufffd"))
        tokens -= len(ids)
    return Retrieved(tuple(names), tuple(texts))
