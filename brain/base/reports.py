"""What the house says of itself: memories found, models on this machine, how the daemon is. Frozen values, no logic."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final


@final
@dataclass(frozen=True)
class Memory:
    """A text that was kept: ``name`` is ``memories/{id}``, ``similarity`` -1..1 to the query that found it."""

    name: str
    text: str
    source: str
    created_unix_s: float
    similarity: float = 0.0


@final
@dataclass(frozen=True)
class MemoryStats:
    """How it stands with the memories: how many, the bytes of their files, and what makes their vectors, how wide."""

    count: int
    disk_bytes: int
    embedder: str
    width: int


@final
@dataclass(frozen=True)
class ModelReport:
    """A model on this machine; ``problem`` says why it cannot be used and is empty when it can."""

    name: str
    parameters: int
    weight_bytes: int
    scheme: str
    loaded: bool
    is_default: bool
    warning: str = ""
    problem: str = ""


@final
@dataclass(frozen=True, kw_only=True)
class Status:
    """How the daemon is; ``state`` is "serving" or "draining", ``recent_uncertainty`` negative before any answer."""

    state: str
    pid: int
    version: str
    brain: str
    model: str
    backend: str
    uptime_s: float
    resident_bytes: int
    running: int
    queued: int
    finished: int
    failed: int
    cancelled: int
    memories: int
    memory_bytes: int
    cpu: str
    recent_uncertainty: float


@final
@dataclass(frozen=True)
class BrainReport:
    """A version of the rooms that think, by content. ``own`` are the user's files in it.

    ``state`` is "serving", "watched" (it serves, and is given up by itself if it does worse; ``watched_calls`` are to
    come), "kept" (loaded, one may go back to it), "quarantined" or "refused" (``why`` tells the reason).
    ``uncertainty`` is the mean of its last answers, negative before any.
    """

    version: str
    state: str
    own: tuple[str, ...] = ()
    calls: int = 0
    failed: int = 0
    uncertainty: float = -1.0
    watched_calls: int = 0
    why: str = ""
