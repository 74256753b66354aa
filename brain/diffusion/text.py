"""Tokens to text as they come: each token's piece, never half a character. It knows no sampler."""

from __future__ import annotations

import codecs
from typing import final

import numpy as np

from brain.backends.body import Floats, Tokens
from brain.base.messages import Place
from brain.diffusion.prompt import Vocabulary


@final
class Writer:
    """The pieces of a growing text, one a token; a character split over tokens stands with the last of them.

    Bytes that are no UTF-8 become U+FFFD. ``text`` is always the pieces joined.
    """

    def __init__(self, vocabulary: Vocabulary, stop: tuple[int, ...], mask: int) -> None:
        self._vocabulary = vocabulary
        self._unwritten = frozenset(stop)
        self._mask = mask
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._text = ""
        self.pieces: list[str] = []

    @property
    def text(self) -> str:
        """All whole characters so far."""
        return self._text

    def extend(self, settled: Tokens) -> None:
        """Take the settled tokens [n]; only those after the ones that were taken already are read."""
        for token in settled[len(self.pieces) :]:
            piece = self._decoder.decode(self._vocabulary.token_bytes(int(token)))
            self.pieces.append(piece)
            self._text += piece

    def finish(self) -> None:
        """End the text: a character that never came to its end is U+FFFD in the last piece."""
        if self.pieces and (rest := self._decoder.decode(b"", final=True)):
            self.pieces[-1] += rest
            self._text += rest

    def canvas(self, tokens: Tokens, confidence: Floats) -> tuple[Place, ...]:
        """Places that go on after the settled text: masked and stop tokens have no text. The writer stays as it is."""
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        decoder.setstate(self._decoder.getstate())
        places = []
        for token, sure in zip(tokens.tolist(), np.asarray(confidence, dtype=float).tolist(), strict=True):
            if token == self._mask or token in self._unwritten:
                decoder.reset()
                places.append(Place("", token == self._mask, sure))
            else:
                places.append(Place(decoder.decode(self._vocabulary.token_bytes(token)), False, sure))
        return tuple(places)
