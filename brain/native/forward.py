"""The native body of the score network, as the skeleton gives it; ``backends/native.py`` makes a Body of it."""

from __future__ import annotations

from brain._skeleton import Cache, Network, Proposal

__all__ = ["Cache", "Network", "Proposal"]
