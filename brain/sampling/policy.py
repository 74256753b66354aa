"""The fixed policy: which sampler a request needs, and how long a draft is. It runs no sampler."""

from __future__ import annotations

from typing import Final, final

from brain.base.messages import Request


def way_of(request: Request) -> str:
    """The sampler that a request needs: "fill" for a hole, else the way that it names."""
    return request.settings.way if request.hole is None else "fill"


@final
class DraftLength:
    """How many places the next round of self-speculation drafts; it changes the speed, never the tokens.

    The share of drafted tokens that were accepted, old ones counting less, says how many tokens a draft of each length
    would bring; the length is the one that brings most for its cost, a pass costing as much as ``PASS_ROWS`` places
    beside the places themselves. No clock is read: the same tokens give the same lengths.
    """

    PASS_ROWS: Final = 5.0
    """What a pass of the native body costs beside its places, in places (docs/benchmarks.md)."""
    SHORTEST: Final = 2
    """Places that are drafted however bad the last drafts were: without a draft nothing would be learned."""
    MEMORY: Final = 0.9
    """What a place counts for the share, one place later."""

    def __init__(self, block: int) -> None:
        self._most = block - 1
        self._accepted = 3.2
        self._seen = 4.0

    def places(self, left: int) -> int:
        """Places to draft when ``left`` tokens may still come; the causal pass gives one more than the draft."""
        share = min(self._accepted / self._seen, 0.98)
        lengths = range(min(self.SHORTEST, self._most), self._most + 1)
        best = max(lengths, key=lambda n: (1 - share ** (n + 1)) / (self.PASS_ROWS + n + 1))
        return max(min(best, left - 1), 0)

    def saw(self, drafted: int, accepted: int) -> None:
        """Learn that of ``drafted`` places the first ``accepted`` were kept; the ones after a miss say nothing."""
        for place in range(min(accepted + 1, drafted)):
            self._seen = self.MEMORY * self._seen + 1
            self._accepted = self.MEMORY * self._accepted + (place < accepted)
