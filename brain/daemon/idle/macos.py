"""The machine as macOS tells it: ``ioreg``, ``pmset`` and ``sysctl``. Parsing is pure; nothing here was run on a Mac.

Source: the manual pages pmset(1), ioreg(8), sysctl(8) of macOS 14.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final, final

from brain.daemon.idle.asking import free_bytes, said
from brain.daemon.idle.reading import Reading

_NORMAL_PRESSURE: Final = "1"


@final
class MacSensor:
    """Asks the system's own programs; ``data`` is the folder whose disk must have room. Cost: five short programs."""

    def __init__(self, data: Path) -> None:
        self._data = data

    def read(self) -> Reading:
        """The machine now."""
        pressure = said(("/usr/sbin/sysctl", "-n", "kern.memorystatus_vm_pressure_level"))
        return Reading(
            on_power=on_power(said(("/usr/bin/pmset", "-g", "batt"))),
            low_power_mode=low_power(said(("/usr/bin/pmset", "-g"))),
            cool=cool(said(("/usr/bin/pmset", "-g", "therm"))),
            memory_easy=None if pressure is None else pressure.strip() == _NORMAL_PRESSURE,
            user_idle_s=user_idle_s(said(("/usr/sbin/ioreg", "-c", "IOHIDSystem", "-d", "4"))),
            disk_free_bytes=free_bytes(self._data),
        )


def on_power(told: str | None) -> bool | None:
    """Of ``pmset -g batt``: "Now drawing from 'AC Power'"; a desktop says the same."""
    found = re.search(r"drawing from '([^']+)'", told or "")
    return None if found is None else found[1] == "AC Power"


def low_power(told: str | None) -> bool | None:
    """Of ``pmset -g``: the line ``lowpowermode``; machines that know no such mode do not print it."""
    if told is None:
        return None
    found = re.search(r"^\s*lowpowermode\s+(\d)", told, re.MULTILINE)
    return found is not None and found[1] == "1"


def cool(told: str | None) -> bool | None:
    """Of ``pmset -g therm``: no limit below 100, no warning level above 0."""
    if told is None:
        return None
    limits = [int(value) for value in re.findall(r"(?:Speed_Limit|Scheduler_Limit)\s*=\s*(\d+)", told)]
    levels = [int(value) for value in re.findall(r"[Ww]arning level(?: set to)?\s*[:=]?\s*(\d+)", told)]
    return all(limit >= 100 for limit in limits) and all(level == 0 for level in levels)


def user_idle_s(told: str | None) -> float | None:
    """Of ``ioreg -c IOHIDSystem``: the smallest ``HIDIdleTime``, nanoseconds since the last key or pointer."""
    found = [int(value) for value in re.findall(r'"HIDIdleTime"\s*=\s*(\d+)', told or "")]
    return min(found) / 1e9 if found else None
