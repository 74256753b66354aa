"""Draws the windows of text that a step sees, some of them beginning with a memory. Masks nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final

import numpy as np
from numpy.typing import NDArray

from brain.base.errors import InvalidInput
from brain.score.spec import ScoreSpec
from brain.training.data.tokens import Starts, TokenStream

NOTE_SHARE: Final = 3 / 16
"""A memory's length over the window's."""

Windows = NDArray[np.int64]


@final
@dataclass(frozen=True)
class WindowSource:
    """A stream of tokens and its documents' starts, out of which windows are drawn; holds no state between draws."""

    stream: TokenStream
    starts: Starts
    spec: ScoreSpec

    def draw(self, count: int, length: int, memory_share: float, random: np.random.Generator) -> Windows:
        """``count`` windows [count, length] from uniformly random places, documents running on into each other.

        A window becomes, with chance ``memory_share``, ``<|memory|>`` + a far stretch of a document + ``<|end|>`` + a
        stretch of the same document that does not touch it, so that the network learns to use retrieved memories.
        Documents are drawn by length among those of two windows or more; without such there are no memories.

        Raises: InvalidInput when the stream is shorter than a window. Chance: drawn from ``random`` alone.
        """
        if len(self.stream) < length:
            raise InvalidInput(f"a stream of {len(self.stream)} tokens has no window of {length}")
        begins = random.integers(0, len(self.stream) - length + 1, count)
        windows: Windows = self.stream[begins[:, None] + np.arange(length)].astype(np.int64)
        chosen = random.random(count) < memory_share
        sizes = np.diff(self.starts)
        long = np.flatnonzero(sizes >= 2 * length)
        if len(long):
            for row in np.flatnonzero(chosen):
                document = int(random.choice(long, p=sizes[long] / sizes[long].sum()))
                windows[row] = self._remembering(document, length, random)
        return windows

    def _remembering(self, document: int, length: int, random: np.random.Generator) -> Windows:
        begin, size = int(self.starts[document]), int(self.starts[document + 1] - self.starts[document])
        note = max(1, int(length * NOTE_SHARE))
        body = length - note - 2
        at = int(random.integers(0, size - body + 1))
        before, after = max(0, at - note + 1), max(0, size - note - (at + body) + 1)
        place = int(random.integers(0, before + after))
        far = place if place < before else at + body + place - before
        text = self.stream[begin : begin + size].astype(np.int64)
        marks = np.array([self.spec.memory]), np.array([self.spec.end])
        return np.concatenate((marks[0], text[far : far + note], marks[1], text[at : at + body]))


def spread(stream: TokenStream, length: int, most: int) -> Windows:
    """At most ``most`` windows [n, length], evenly spread over a stream and not touching; for measuring."""
    count = min(most, len(stream) // length)
    room = len(stream) - length
    begins = np.linspace(0, room, count).astype(np.int64) if count > 1 else np.zeros(count, np.int64)
    windows: Windows = stream[begins[:, None] + np.arange(length)].astype(np.int64)
    return windows
