"""Pauses that the owner asked for, and hours in which nothing may be learned. Values and laws; nothing is stored."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, final

from brain.base.errors import InvalidInput

FOR_EVER: Final = math.inf


@final
@dataclass(frozen=True)
class Pause:
    """No learning until ``until_unix_s``: 0 is no pause, ``FOR_EVER`` one without an end."""

    until_unix_s: float = 0.0

    def __post_init__(self) -> None:
        if math.isnan(self.until_unix_s) or self.until_unix_s < 0:
            raise InvalidInput(f"a pause until {self.until_unix_s}", hint="seconds since 1970, 0 or inf", field="until")

    def holds(self, wall_s: float) -> bool:
        """Whether it still holds at ``wall_s``, seconds since 1970."""
        return wall_s < self.until_unix_s


@final
@dataclass(frozen=True)
class QuietHours:
    """From ``start`` to ``end``, hours of the local day in [0, 24), over midnight where ``end`` is the smaller one."""

    start: float
    end: float

    def __post_init__(self) -> None:
        if not (0 <= self.start < 24 and 0 <= self.end < 24) or self.start == self.end:
            raise InvalidInput(
                f"quiet hours from {self.start} to {self.end}",
                hint="two different hours in 0 to 24",
                field="quiet_hours",
            )

    def hold(self, local_hour: float) -> bool:
        """Whether ``local_hour`` in [0, 24) is one of them; the start is, the end is not."""
        if self.start < self.end:
            return self.start <= local_hour < self.end
        return local_hour >= self.start or local_hour < self.end
