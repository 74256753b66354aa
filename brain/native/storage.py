"""ArrowStorage of the skeleton: memories in files on disk. What is worth remembering is decided elsewhere."""

from __future__ import annotations

from brain._skeleton import Memory, Recovery, Snapshot, Store

__all__ = ["Memory", "Recovery", "Snapshot", "Store"]
