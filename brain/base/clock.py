"""Time as something handed in: the real clock, and one that tests move by hand."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Protocol, final


class Clock(Protocol):
    """Two clocks: ``wall_s`` since 1970, which may jump; ``monotonic_s`` since some start, which never goes back."""

    def wall_s(self) -> float:
        """Seconds since 1970."""

    def monotonic_s(self) -> float:
        """Seconds that only grow."""


@final
class SystemClock:
    """The machine's own clocks."""

    def wall_s(self) -> float:
        """Seconds since 1970."""
        return time.time()

    def monotonic_s(self) -> float:
        """Seconds that only grow."""
        return time.monotonic()


@final
@dataclass
class HandClock:
    """A clock that stands still until ``advance`` is called."""

    now_s: float = 0.0

    def wall_s(self) -> float:
        """Seconds since 1970, as set by hand."""
        return self.now_s

    def monotonic_s(self) -> float:
        """Seconds that only grow, as set by hand."""
        return self.now_s

    def advance(self, seconds: float) -> None:
        """Move both clocks on; never back."""
        if seconds < 0:
            raise ValueError(f"time cannot go back by {seconds} s")
        self.now_s += seconds
