//! ArrowQuant: INT2, INT4 and INT8 quantisation, packing and measured error. Multiplies nothing; that is the kernels'.
#![deny(missing_docs)]

mod door;
mod error;
mod int2;
mod int4;
mod int8;
mod scheme;

pub use door::{Packed, dequantise, quantise};
pub use error::relative_error;
pub use int2::{from_codes as int2_from_codes, to_codes as int2_to_codes};
pub use scheme::{GROUP, Rule, Scheme, packed_len, scales_len};
