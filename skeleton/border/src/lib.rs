//! The only crate that names PyO3: translates between Python and the skeleton, never decides.
//!
//! One flat module, one file a room. What each function promises stands in `brain/_skeleton.pyi`, once.
#![deny(missing_docs)]

mod arrays;
mod cancel;
mod caught;
mod gate;
mod itself;
mod kernels;
mod latent;
mod layouts;
mod lent;
mod memories;
mod network;
mod pages;
mod pass;
mod quant;
mod safetensors;
mod search;
mod tokenizer;
mod weights;

/// The skeleton of aios: its rooms stand under their names in `brain.native`.
#[pyo3::pymodule]
mod _skeleton {
    #[pymodule_export]
    use crate::cancel::CancelToken;
    #[pymodule_export]
    use crate::itself::{fault_names, version};
    #[pymodule_export]
    use crate::kernels::{act8, attend, cpu_level, matmul_int2, rms_norm, rope};
    #[pymodule_export]
    use crate::latent::{PictureDecoder, PictureEncoder, Vocoder, log_mel};
    #[pymodule_export]
    use crate::layouts::{from_ggml, from_mlx, output_error, quantise_calibrated, second_moments, to_ggml, to_mlx};
    #[pymodule_export]
    use crate::memories::{Memory, Recovery, Snapshot, Store};
    #[pymodule_export]
    use crate::network::{Network, Proposal};
    #[pymodule_export]
    use crate::pass::Cache;
    #[pymodule_export]
    use crate::quant::{dequantise, int2_from_codes, int2_to_codes, quantise, relative_error, schemes};
    #[pymodule_export]
    use crate::safetensors::{read_safetensors, write_safetensors};
    #[pymodule_export]
    use crate::search::{Quantised, flat_top_k};
    #[pymodule_export]
    use crate::tokenizer::{StreamDecoder, Tokenizer};
    #[pymodule_export]
    use crate::weights::{TensorInfo, Weights, import_score_folder, read_parquet, write_parquet, write_weights};
}
