//! WeightLoader: one memory-mapped Arrow file a model, safetensors in and out.
