"""How long a sentence takes to say: a linear law over counts of its letters, and the cut of a text into sentences.

The law's numbers come with the model (``audio.duration`` in its score.json, least squares on the sentences that it
was trained with: 7.5 % mean error on the 150 held out). Nothing is fitted here.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, final

from brain.base.errors import CorruptData, InvalidInput, Unsupported
from brain.diffusion.caption import SPEECH_BYTES

_COUNTED: Final = {
    "letters": re.compile(r"[A-Za-z]"),
    "vowels": re.compile(r"[aeiouyAEIOUY]"),
    "words": re.compile(r"\S+"),
    "digits": re.compile(r"[0-9]"),
    "commas": re.compile(r"[,;:](?!\d)"),
    "ends": re.compile(r"[.!?]"),
    "caps": re.compile(r"\b[A-Z]\b"),
    "symbols": re.compile(r"[$%&+/]"),
}
_SENTENCE: Final = re.compile(r"(?<=[.!?])\s+|\n+")
_SOUNDING: Final = re.compile(r"[A-Za-z0-9]")


@final
@dataclass(frozen=True)
class Durations:
    """The law of one model: ``weights`` a feature (frames each), frames in a vector, vectors of a canvas at most."""

    weights: Mapping[str, float]
    frames_a_vector: int
    most_vectors: int

    @property
    def most_frames(self) -> int:
        """Frames that one canvas holds."""
        return self.frames_a_vector * self.most_vectors

    def frames(self, sentence: str) -> int:
        """Frames (of 16 ms) that ``sentence`` is expected to take, at least one vector's."""
        counts = {name: len(pattern.findall(sentence)) for name, pattern in _COUNTED.items()} | {"one": 1}
        expected = sum(weight * counts[name] for name, weight in self.weights.items())
        return max(round(expected), self.frames_a_vector)

    def vectors(self, frames: int) -> int:
        """Vectors of the canvas that holds ``frames``."""
        return math.ceil(frames / self.frames_a_vector)

    def fits(self, sentence: str) -> bool:
        """Whether one canvas and one caption can hold it."""
        return len(sentence.encode()) <= SPEECH_BYTES and self.frames(sentence) <= self.most_frames

    @staticmethod
    def of(raw: Mapping[str, object]) -> Durations:
        """Read from a model's score.json. Raises Unsupported without the part, CorruptData for a broken one."""
        audio = raw.get("audio")
        if not isinstance(audio, Mapping):
            raise Unsupported("this model's score.json does not say how long speech takes", hint="it makes no speech")
        try:
            law = audio["duration"]
            names, numbers = list(law["features"]), [float(number) for number in law["rich"]["coef"]]
            sizes = int(audio["frames_a_vector"]), int(audio["max_vectors"])
        except (KeyError, TypeError, ValueError) as error:
            raise CorruptData(f"score.json: audio.duration cannot be read ({error!r})") from error
        known = set(names) <= {"one", *_COUNTED} and len(names) == len(numbers)
        if not known or not all(map(math.isfinite, numbers)) or not (0 < sizes[0] <= 64 and 0 < sizes[1] <= 4096):
            raise CorruptData(f"score.json: audio.duration has features {names!r}"[:200])
        return Durations(dict(zip(names, numbers, strict=True)), *sizes)


def sentences(text: str, law: Durations) -> list[str]:
    """The parts of ``text`` that are said one after another, each short enough for one canvas.

    A part ends at a full stop, question or exclamation mark, or line; a longer one is cut behind a comma, else
    between words. Parts without a letter or digit are not said. Raises InvalidInput for a word that is too long, and
    where nothing is left to say.
    """
    found = [part for whole in _SENTENCE.split(text) if _SOUNDING.search(whole) for part in _cut(whole.strip(), law)]
    if not found:
        raise InvalidInput("there is nothing to say", hint="a text with letters or digits", field="text")
    return found


def _cut(sentence: str, law: Durations) -> Iterator[str]:
    while not law.fits(sentence):
        spaces = [match.start() for match in re.finditer(r"\s", sentence) if law.fits(sentence[: match.start()])]
        if not spaces:
            raise InvalidInput(
                f"a word is too long to be said: {sentence[:40]!r}", hint=f"at most {SPEECH_BYTES} bytes", field="text"
            )
        commas = [place for place in spaces if sentence[place - 1] in ",;:"]
        cut = (commas or spaces)[-1]
        yield sentence[:cut]
        sentence = sentence[cut:].strip()
    yield sentence
