"""What a daemon tells beside a generation: that a call was taken, memories, models, its own state. Frozen values, no wire form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final


@final
@dataclass(frozen=True)
class Accepted:
    """A generation was taken; ``queue_position`` calls are before it, 0 starts at once."""

    request_id: str
    queue_position: int


@final
@dataclass(frozen=True, kw_only=True)
class Memory:
    """A kept text. ``name`` is ``memories/{id}``; ``similarity`` to the query is -1..1, 0 where nothing was asked."""

    name: str
    text: str
    source: str
    created_unix_s: float
    similarity: float = 0.0


@final
@dataclass(frozen=True, kw_only=True)
class ModelInfo:
    """A model on this machine. ``name`` is ``models/{id}``; ``problem`` says why it cannot be used, "" when it can."""

    name: str
    parameters: int = 0
    weight_bytes: int = 0
    scheme: str = ""
    loaded: bool = False
    is_default: bool = False
    warning: str = ""
    problem: str = ""


@final
@dataclass(frozen=True, kw_only=True)
class Status:
    """How the daemon is. ``state`` is "serving" or "draining"; ``recent_uncertainty`` is negative before any answer.

    ``finished`` counts ended calls since the start, ``failed`` and ``cancelled`` those of them that ended so.
    """

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
