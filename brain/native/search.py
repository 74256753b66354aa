"""VectorSearch of the skeleton: exact nearest neighbours over arrays. Makes no embeddings."""

from __future__ import annotations

from brain._skeleton import Quantised, flat_top_k

__all__ = ["Quantised", "flat_top_k"]
