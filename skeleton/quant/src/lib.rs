//! ArrowQuant: INT2, INT4 and INT8 quantisation, packing and measured error. Multiplies nothing; that is the kernels'.
#![deny(missing_docs)]

mod calibrate;
mod door;
mod error;
mod factor;
mod fit;
mod ggml;
mod int2;
mod layout;
mod levels;
mod mlx;
mod rows;
mod scheme;

pub use calibrate::{Moments, output_error, quantise_calibrated, second_moments};
pub use door::{Packed, dequantise, quantise};
pub use error::relative_error;
pub use ggml::{Block, from_ggml, to_ggml};
pub use int2::{from_codes as int2_from_codes, to_codes as int2_to_codes};
pub use mlx::{Mlx, from_mlx, to_mlx};
pub use scheme::{GROUP, Rule, Scheme, packed_len, scales_len};
