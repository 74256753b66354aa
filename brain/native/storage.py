"""ArrowStorage of the skeleton: memories in a log on disk. What is worth remembering is decided elsewhere."""

from __future__ import annotations

from brain._skeleton import Memory, Store

__all__ = ["Memory", "Store"]
