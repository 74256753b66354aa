"""The token that withdraws a call of the skeleton. Decides nothing."""

from __future__ import annotations

from brain._skeleton import CancelToken

__all__ = ["CancelToken"]
