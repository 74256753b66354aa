"""VectorSearch of the skeleton: exact nearest neighbours over arrays. Makes no embeddings."""

from __future__ import annotations

from brain._skeleton import flat_top_k

__all__ = ["flat_top_k"]
