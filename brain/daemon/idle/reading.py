"""What the gate knows of the machine at one moment, and the interface of whatever finds it out. No decisions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, final


@final
@dataclass(frozen=True, kw_only=True)
class Reading:
    """The machine at one moment; None is "not known", which the gate takes for "not idle".

    ``on_power``: mains, or no battery at all. ``cool``: the system does not slow itself down because of heat.
    ``memory_easy``: the system is not short of memory. ``user_idle_s``: seconds since the last key or pointer.
    """

    on_power: bool | None
    low_power_mode: bool | None
    cool: bool | None
    memory_easy: bool | None
    user_idle_s: float | None
    disk_free_bytes: int | None


class Sensor(Protocol):
    """Finds out how the machine is."""

    def read(self) -> Reading:
        """The machine now. Cost: a few files or one short program; never raises, what it cannot tell is None."""
