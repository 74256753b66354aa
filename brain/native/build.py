"""What the built skeleton says of itself: its version and its faults."""

from __future__ import annotations

from brain._skeleton import fault_names, version

__all__ = ["fault_names", "version"]
