"""The machine as Linux tells it: sysfs, pressure stall information, logind and the terminals. Parsing is pure.

Heat: a thermal zone at or above its "passive" trip point slows the processor down; a machine without such zones does
not slow itself down. User: logind's idle hint of the graphical sessions and the last use of every terminal, whichever
is later; a machine with neither is not known to be idle.
Source: Linux kernel documentation, ABI/testing/sysfs-class-power and sysfs-class-thermal, accounting/psi.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final, final

from brain.base.clock import Clock
from brain.daemon.idle.asking import free_bytes, said, text_of
from brain.daemon.idle.reading import Reading

MEMORY_STALL_PERCENT: Final = 5.0
"""Share of the last ten seconds in which some task waited for memory, above which memory counts as short."""


@final
class LinuxSensor:
    """Reads below ``root`` ("/" but in tests), asks ``loginctl``; ``data`` is the folder whose disk must have room."""

    def __init__(self, data: Path, clock: Clock, root: Path = Path("/")) -> None:
        self._data = data
        self._clock = clock
        self._root = root

    def read(self) -> Reading:
        """The machine now."""
        return Reading(
            on_power=on_power(self._supplies()),
            low_power_mode=low_power(text_of(self._root / "sys/firmware/acpi/platform_profile")),
            cool=self._cool(),
            memory_easy=memory_easy(text_of(self._root / "proc/pressure/memory")),
            user_idle_s=self._user_idle_s(),
            disk_free_bytes=free_bytes(self._data),
        )

    def _supplies(self) -> list[Mapping[str, str]]:
        folder = self._root / "sys/class/power_supply"
        return [
            {name: text for name in ("type", "online", "scope") if (text := text_of(supply / name)) is not None}
            for supply in (sorted(folder.iterdir()) if folder.is_dir() else ())
        ]

    def _cool(self) -> bool:
        zones = sorted((self._root / "sys/class/thermal").glob("thermal_zone*"))
        return all(zone_cool(text_of(zone / "temp"), _passive(zone)) for zone in zones)

    def _user_idle_s(self) -> float | None:
        now_s = self._clock.wall_s()
        listed = said(("loginctl", "list-sessions", "--no-legend"))
        sessions = [] if listed is None else [line.split()[0] for line in listed.splitlines() if line.split()]
        hints = ("-p", "IdleHint", "-p", "IdleSinceHint", "-p", "Type")
        told = [said(("loginctl", "show-session", name, *hints)) for name in sessions]
        idle = [session_idle_s(text, now_s) for text in told if text is not None]
        idle += [now_s - used for used in _terminals(self._root)]
        known = [seconds for seconds in idle if seconds is not None]
        return max(min(known), 0.0) if known else None


def on_power(supplies: Iterable[Mapping[str, str]]) -> bool | None:
    """Mains online, or no battery but a mouse's and the like; None where there is a battery and no word of mains."""
    own = [supply for supply in supplies if supply.get("scope", "System").strip() != "Device"]
    if not any(supply.get("type", "").strip() == "Battery" for supply in own):
        return True
    mains = [
        supply["online"].strip() for supply in own if supply.get("type", "").strip() != "Battery" and "online" in supply
    ]
    return "1" in mains if mains else None


def low_power(profile: str | None) -> bool:
    """Whether the platform's profile is the saving one; a machine without profiles has no such mode."""
    return profile is not None and profile.strip() in {"low-power", "quiet"}


def zone_cool(temperature: str | None, passive: str | None) -> bool:
    """Whether a zone (millidegrees) is below its passive trip; one that is silent or has none does not count."""
    try:
        return temperature is None or passive is None or int(temperature) < int(passive)
    except ValueError:
        return True


def memory_easy(pressure: str | None) -> bool | None:
    """Whether "some avg10" of /proc/pressure/memory is low; None where the kernel keeps no such books."""
    found = re.search(r"^some avg10=(\d+(?:\.\d+)?)", pressure or "", re.MULTILINE)
    return None if found is None else float(found[1]) < MEMORY_STALL_PERCENT


def session_idle_s(told: str, now_s: float) -> float | None:
    """Seconds that a graphical session is idle by logind's hint (0 while it is not); None for any other session."""
    values = dict(line.split("=", 1) for line in told.splitlines() if "=" in line)
    if values.get("Type") not in {"x11", "wayland", "mir"}:
        return None
    since_us = values.get("IdleSinceHint", "")
    if values.get("IdleHint") != "yes" or not since_us.isdecimal():
        return 0.0
    return max(now_s - int(since_us) / 1e6, 0.0)


def _passive(zone: Path) -> str | None:
    for kind in sorted(zone.glob("trip_point_*_type")):
        if (text_of(kind) or "").strip() == "passive":
            return text_of(kind.with_name(kind.name.replace("_type", "_temp")))
    return None


def _terminals(root: Path) -> list[float]:
    found = [*(root / "dev/pts").glob("[0-9]*"), *(root / "dev").glob("tty[1-6]")]
    used = []
    for terminal in found:
        try:
            used.append(terminal.stat().st_atime)
        except OSError:
            continue  # it was closed between the two calls
    return used
