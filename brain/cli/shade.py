"""How uncertainty looks: words and their bands, as pure functions; nothing is printed here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, final

RESET: Final = "\x1b[0m"
DIM: Final = "\x1b[2m"


@final
@dataclass(frozen=True)
class Band:
    """Words whose uncertainty is below ``below`` get this name and this colour (an SGR sequence, "" for none)."""

    below: float
    name: str
    colour: str


BANDS: Final = (
    Band(0.25, "sure", ""),
    Band(0.50, "likely", "\x1b[38;5;179m"),
    Band(0.75, "doubtful", "\x1b[38;5;208m"),
    Band(float("inf"), "a guess", "\x1b[38;5;203m"),
)


@final
@dataclass(frozen=True)
class Word:
    """A run of text that is shaded as one: a word with the space before it."""

    text: str
    uncertainty: float


def band(uncertainty: float) -> Band:
    """The band that an uncertainty falls into."""
    return next(found for found in BANDS if uncertainty < found.below or found is BANDS[-1])


def words(pieces: Sequence[str], uncertainty: Sequence[float]) -> list[Word]:
    """Tokens joined to words, each with the mean uncertainty of its tokens.

    A new word begins where a piece begins with white space, or where the piece before it ended with some.
    """
    made: list[Word] = []
    text, doubts = "", list[float]()
    for piece, doubt in zip(pieces, uncertainty, strict=True):
        if text and (piece[:1].isspace() or text[-1:].isspace()):
            made.append(Word(text, sum(doubts) / len(doubts)))
            text, doubts = "", []
        text += piece
        doubts.append(doubt)
    if text:
        made.append(Word(text, sum(doubts) / len(doubts)))
    return made


def legend() -> str:
    """The names of the bands, each in its colour."""
    return " · ".join(f"{found.colour}{found.name}{RESET if found.colour else ''}" for found in BANDS)
