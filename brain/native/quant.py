"""ArrowQuant of the skeleton: quantisation schemes, packing, measured error. Trains nothing."""

from __future__ import annotations

from brain._skeleton import dequantise, int2_from_codes, int2_to_codes, quantise, relative_error, schemes

__all__ = ["dequantise", "int2_from_codes", "int2_to_codes", "quantise", "relative_error", "schemes"]
