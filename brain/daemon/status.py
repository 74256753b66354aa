"""How the daemon is, read off its parts when someone asks. It measures nothing in the background."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

from brain.base.clock import Clock
from brain.base.reports import Status
from brain.conditioning.memory import Memories
from brain.engine.engine import Engine
from brain.engine.models import Shelf

_STATM: Final = Path("/proc/self/statm")


@final
@dataclass(frozen=True, kw_only=True)
class StatusReader:
    """The parts that a status speaks of; ``backend`` is the setting, used until a model is open."""

    engine: Engine
    shelf: Shelf
    memories: Memories
    clock: Clock
    started_s: float
    brain: Callable[[], str]
    backend: str
    version: str
    cpu: Callable[[], str]

    def read(self) -> Status:
        """The status now. Cost: a few system calls; it waits for no lock that a generation holds."""
        model = self.shelf.opened()
        counts = self.engine.counts
        return Status(
            state="draining" if self.engine.draining else "serving",
            pid=os.getpid(),
            version=self.version,
            brain=self.brain(),
            model=self.shelf.default,
            backend=model.body.name if model else self.backend,
            uptime_s=self.clock.monotonic_s() - self.started_s,
            resident_bytes=resident_bytes(),
            running=self.engine.running,
            queued=self.engine.waiting,
            finished=counts.finished,
            failed=counts.failed,
            cancelled=counts.cancelled,
            memories=len(self.memories),
            memory_bytes=self.memories.disk_bytes(),
            cpu=self.cpu(),
            recent_uncertainty=self.engine.recent_uncertainty,
        )


def resident_bytes() -> int:
    """Resident memory of this process; where the kernel shows none in /proc (macOS), what ``ps`` says, else 0."""
    if _STATM.exists():
        return int(_STATM.read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    import subprocess

    told = subprocess.run(
        ["/bin/ps", "-o", "rss=", "-p", str(os.getpid())], capture_output=True, check=False, text=True
    )
    return int(told.stdout) * 1024 if told.stdout.strip().isdecimal() else 0
