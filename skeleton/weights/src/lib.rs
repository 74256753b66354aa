//! WeightLoader: one memory-mapped Arrow file a model, safetensors and Parquet in and out. Knows bytes, not networks.
//!
//! A model's tensors lie in one Arrow IPC file, one row a tensor, and are used where they lie. A file is read as if
//! its author were hostile: everything is checked before the first tensor is handed out.
#![deny(missing_docs)]

#[cfg(not(target_endian = "little"))]
compile_error!("the files are little-endian and are used in place, so the machine must be little-endian too");

mod atomic;
mod batch;
mod footer;
mod map;
mod open;
pub mod parquet;
pub mod safetensors;
mod scheme;
mod table;
mod tensor;
mod writer;

pub use open::Weights;
pub use scheme::PLAIN;
pub use tensor::{Dtype, Tensor};
pub use writer::{Part, Writer};

/// What the schema metadata of every file of ours says under the key `format`.
pub const FORMAT: &str = "aios-weights/1";

/// Where every tensor and every scale begins: at a multiple of so many bytes, in the file and in memory.
pub const ALIGNMENT: usize = 64;
