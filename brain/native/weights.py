"""WeightLoader of the skeleton: mapped files of tensors; safetensors and Parquet in and out; a folder's import."""

from __future__ import annotations

from brain._skeleton import (
    TensorInfo,
    Weights,
    import_score_folder,
    read_parquet,
    read_safetensors,
    write_parquet,
    write_safetensors,
    write_weights,
)

__all__ = [
    "TensorInfo",
    "Weights",
    "import_score_folder",
    "read_parquet",
    "read_safetensors",
    "write_parquet",
    "write_safetensors",
    "write_weights",
]
