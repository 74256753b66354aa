"""WeightLoader of the skeleton: mapped files of tensors, safetensors in and out, the import of a score folder."""

from __future__ import annotations

from brain._skeleton import TensorInfo, Weights, import_score_folder, read_safetensors, write_safetensors, write_weights

__all__ = ["TensorInfo", "Weights", "import_score_folder", "read_safetensors", "write_safetensors", "write_weights"]
