"""How much of a day may go into learning: a fold of spans that were learned. It measures no time itself."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, final

from brain.base.errors import InvalidInput

DAY_S: Final = 86_400.0


@final
@dataclass(frozen=True)
class Budget:
    """``minutes_a_day`` of learning in any 24 hours; ``spans`` (begin, end) were learned, in seconds since 1970."""

    minutes_a_day: float
    spans: tuple[tuple[float, float], ...] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.minutes_a_day <= 24 * 60:
            raise InvalidInput(f"{self.minutes_a_day} minutes a day", hint="0 to 1440", field="minutes_a_day")

    def learned(self, begin_s: float, end_s: float) -> Budget:
        """The budget after one more span; what lies more than a day before its end is forgotten.

        Raises InvalidInput for a span that ends before it begins.
        """
        if not begin_s <= end_s:
            raise InvalidInput(f"a span from {begin_s} to {end_s}", hint="it ends after it begins", field="spans")
        kept = tuple(span for span in self.spans if span[1] > end_s - DAY_S)
        return replace(self, spans=(*kept, (begin_s, end_s)))

    def spent_s(self, wall_s: float) -> float:
        """Seconds learned in the 24 hours before ``wall_s``; spans that the clock has not reached count in full."""
        since_s = wall_s - DAY_S
        return sum(max(end - max(begin, since_s), 0.0) for begin, end in self.spans)

    def spent(self, wall_s: float) -> bool:
        """Whether nothing is left at ``wall_s``."""
        return self.spent_s(wall_s) >= 60 * self.minutes_a_day
