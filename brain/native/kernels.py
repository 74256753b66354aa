"""A few kernels of the skeleton, for tests that compare bodies. The network calls them in Rust, not here."""

from __future__ import annotations

from brain._skeleton import act8, attend, cpu_level, matmul_int2, rms_norm, rope

__all__ = ["act8", "attend", "cpu_level", "matmul_int2", "rms_norm", "rope"]
