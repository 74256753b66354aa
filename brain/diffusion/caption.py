"""The forms in which the model was trained to meet captions of pictures, speech and plans. Only tokens."""

from __future__ import annotations

from typing import Final

import numpy as np

from brain.backends.body import Tokens
from brain.base.errors import InvalidInput, Unsupported
from brain.diffusion.prompt import Vocabulary
from brain.score.spec import ScoreSpec

PICTURE_TOKENS: Final = 38
"""Tokens of a picture's caption at most; the ones it was trained with are no longer."""
SPEECH_BYTES: Final = 118
"""Bytes of a sentence at most, likewise."""
PLAN_BYTES: Final = 150
"""Bytes of a plan's caption at most, likewise."""


def picture_caption(caption: str, style: str, spec: ScoreSpec, vocabulary: Vocabulary) -> Tokens:
    """``<bos>`` the caption in pieces, its style named last as in the training's captions, ``<|image|>``.

    Raises: InvalidInput for more than ``PICTURE_TOKENS`` tokens, Unsupported for a network without pictures.
    """
    text = f"{caption}, style: {style}" if style else caption
    tokens = vocabulary.encode(text)
    if len(tokens) > PICTURE_TOKENS:
        hint = f"at most {PICTURE_TOKENS}, the style's included: say it with fewer words"
        raise InvalidInput(f"the caption has {len(tokens)} tokens", hint=hint, field="caption")
    return _between(spec, "image", tokens)


def spelt_caption(text: str, kind: str, most_bytes: int, spec: ScoreSpec, vocabulary: Vocabulary) -> Tokens:
    """``<bos>``, a token a byte of ``text``, the tag of ``kind``: the form of speech and plans.

    Raises: InvalidInput for more than ``most_bytes`` bytes, Unsupported for a network without that kind.
    """
    data = text.encode("utf-8")
    if len(data) > most_bytes:
        hint = f"at most {most_bytes}: the model was trained with no longer ones"
        raise InvalidInput(f"the caption of this {kind} has {len(data)} bytes", hint=hint, field="caption")
    letters = letter_tokens(spec, vocabulary)
    return _between(spec, kind, letters[np.frombuffer(data, dtype=np.uint8)])


def empty_caption(kind: str, spec: ScoreSpec) -> Tokens:
    """``<bos>`` and the tag: what training put in place of a caption that it left out."""
    return _between(spec, kind, np.zeros(0, np.uint32))


def letter_tokens(spec: ScoreSpec, vocabulary: Vocabulary) -> Tokens:
    """The token [256] of each byte alone. Raises Unsupported for a tokenizer that cannot spell one."""
    found: dict[int, int] = {}
    marks = set(spec.specials)
    for token in range(spec.vocabulary):
        if token not in marks and len(piece := vocabulary.token_bytes(token)) == 1:
            found.setdefault(piece[0], token)
        if len(found) == 256:
            return np.array([found[byte] for byte in range(256)], dtype=np.uint32)
    raise Unsupported(f"the tokenizer spells {len(found)} of 256 bytes", hint="speech and plans need them all")


def _between(spec: ScoreSpec, kind: str, tokens: Tokens) -> Tokens:
    """Beginning, tokens, tag."""
    if kind not in spec.kinds:
        known = ", ".join(spec.kinds) or "text alone"
        raise Unsupported(f"the model {spec.name!r} makes no {kind}", hint=f"it makes {known}")
    ends = np.array([spec.bos, spec.kinds[kind].tag], dtype=np.uint32)
    return np.concatenate([ends[:1], tokens.astype(np.uint32), ends[1:]])
