"""The fixed policy: how each kind of text is decoded when nobody says, and how long a draft is. It runs no sampler."""

from __future__ import annotations

from typing import Final, final

from brain.base.errors import InvalidInput
from brain.base.messages import Request, Settings

_DEFAULTS: Final = {"text": Settings(way="speculate", block=16), "code": Settings(way="speculate", block=16)}


def defaults(modality: str) -> Settings:
    """The settings of a kind of text; InvalidInput for a kind that is not known."""
    if modality not in _DEFAULTS:
        raise InvalidInput(f"no modality {modality!r}", hint=f"one of {', '.join(_DEFAULTS)}", field="modality")
    return _DEFAULTS[modality]


def way_of(request: Request) -> str:
    """The sampler that a request needs: "fill" for a hole, else the way that it names."""
    return request.settings.way if request.hole is None else "fill"


@final
class DraftLength:
    """How many places the next draft has, from how the last ones fared; it changes the speed, never the tokens.

    ``block`` is the longest canvas, its anchor included. The length follows a running mean of accepted tokens,
    so that text which is hard to foresee does not pay for long drafts. No clock is read: the same tokens give the
    same lengths.
    """

    SPARE: Final = 2.0
    """Places beyond twice the running mean of accepted ones."""
    MEMORY: Final = 0.8
    """Weight of the past in the running mean."""

    def __init__(self, block: int) -> None:
        self._most = block - 1
        self._mean = float(self._most)

    def places(self, left: int) -> int:
        """Places to draft when ``left`` tokens may still come; the causal pass gives one more than the draft."""
        wanted = round(2 * self._mean + self.SPARE)
        return max(min(self._most, wanted, left - 1), 0)

    def saw(self, drafted: int, accepted: int) -> None:
        """Learn that ``accepted`` of ``drafted`` places were kept; one kept whole counts as if it could be longer."""
        if drafted:
            grown = accepted + 1 if accepted == drafted else accepted
            self._mean = self.MEMORY * self._mean + (1 - self.MEMORY) * grown
