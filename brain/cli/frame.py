"""How a generation is laid out in rows of a terminal: pure functions that wrap styled runs; prints nothing."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, final

from brain.base.messages import Place
from brain.cli.shade import DIM, RESET, Word, band

MASKED: Final = "░"
"""What a closed place looks like."""

_TAB: Final = "    "


@final
@dataclass(frozen=True)
class Run:
    """Text in one style (an SGR sequence, "" for none)."""

    text: str
    style: str = ""


def live(prompt: str, settled: str, canvas: Sequence[Place]) -> list[Run]:
    """The runs of a generation at work: the prompt dim, what is settled plain, the canvas shaded by its confidence."""
    open_or_closed = (Run(MASKED, DIM) if p.masked else Run(p.text, _open(p.confidence)) for p in canvas)
    return [Run(prompt, DIM), Run(settled), *open_or_closed]


def finished(prompt: str, words: Iterable[Word]) -> list[Run]:
    """The runs of a finished generation: the prompt dim, each word in the colour of its uncertainty."""
    return [Run(prompt, DIM), *(Run(word.text, band(word.uncertainty).colour) for word in words)]


def _open(confidence: float) -> str:
    # An open place of the canvas is underlined until it is settled: it may still change.
    return "\x1b[4m" + band(1.0 - confidence).colour


def rows(runs: Iterable[Run], width: int) -> list[str]:
    """The runs wrapped into rows of at most ``width`` cells, styles closed at each row's end.

    Words are kept whole where they fit in a row, and the space before one that begins a row is dropped. Control
    characters but the newline are shown as their pictures, so that no text of a model can move the cursor.
    """
    made: list[str] = []
    row, used = list[Run](), 0
    for whole in _split(runs):
        word = whole
        if word == [Run("\n")]:
            made.append(_drawn(row))
            row, used = [], 0
            continue
        cells = sum(_width(run.text) for run in word)
        if used and used + cells > width and cells <= width:
            made.append(_drawn(row))
            # The space before a word that begins a row would only look like an indent.
            word, row, used = _without_space(whole), [], 0
        for run in word:
            for character in run.text:
                size = _width(character)
                if used + size > width:
                    made.append(_drawn(row))
                    row, used = [], 0
                row.append(Run(character, run.style))
                used += size
    made.append(_drawn(row))
    return made


def _split(runs: Iterable[Run]) -> Iterator[list[Run]]:
    """The runs as words: each a list of runs, with newlines alone."""
    word: list[Run] = []
    for run in runs:
        for character in run.text.expandtabs(len(_TAB)):
            if character == "\n":
                if word:
                    yield word
                yield [Run("\n")]
                word = []
                continue
            if character == " " and word and not word[-1].text.endswith(" "):
                yield word
                word = []
            word.append(Run(visible(character), run.style))
    if word:
        yield word


def _without_space(word: list[Run]) -> list[Run]:
    return word[1:] if word[0].text == " " else word


def visible(character: str) -> str:
    """The character itself, or a picture of a control character (U+2400 block; U+FFFD for the others)."""
    code = ord(character)
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "\u2421"
    return "\ufffd" if unicodedata.category(character) in ("Cc", "Cf", "Cs") and character != "\u200d" else character


def _width(text: str) -> int:
    return sum(
        0 if unicodedata.combining(c) or c == "\u200d" else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in text
    )


def _drawn(row: Sequence[Run]) -> str:
    drawn, style = "", ""
    for run in row:
        if run.style != style:
            drawn += (RESET if style else "") + run.style
            style = run.style
        drawn += run.text
    return drawn + (RESET if style else "")
