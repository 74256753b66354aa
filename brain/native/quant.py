"""ArrowQuant of the skeleton: schemes, packing, calibration, error, mlx's and ggml's layouts. Trains nothing."""

from __future__ import annotations

from brain._skeleton import (
    dequantise,
    from_ggml,
    from_mlx,
    int2_from_codes,
    int2_to_codes,
    output_error,
    quantise,
    quantise_calibrated,
    relative_error,
    schemes,
    second_moments,
    to_ggml,
    to_mlx,
)

__all__ = [
    "dequantise",
    "from_ggml",
    "from_mlx",
    "int2_from_codes",
    "int2_to_codes",
    "output_error",
    "quantise",
    "quantise_calibrated",
    "relative_error",
    "schemes",
    "second_moments",
    "to_ggml",
    "to_mlx",
]
