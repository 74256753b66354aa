//! SIMD arithmetic on plain slices, each beside its scalar truth: no files, no models.
//!
//! **Law of rows.** What a row of an output is depends, to the bit, only on that row's inputs: not on how many rows
//! are in the call, on the other rows, or on the number of threads. **Law of paths.** Every path sums in the order of
//! its `scalar.rs` and fuses the same multiplications, so all paths of one build give the same bits for finite inputs.
//! Doors check lengths and return `Fault::Shape`; they never check for NaN, which only ever spoils its own row.
#![deny(missing_docs)]
// Lanes and rows are addressed by place, several arrays at once; an iterator over one of them would hide that.
#![allow(clippy::needless_range_loop)]

pub mod act8;
pub mod aligned;
#[cfg(target_arch = "x86_64")]
mod amx;
pub mod attention;
pub mod byte_classes;
mod check;
pub mod cpu;
pub mod distance;
pub mod exp;
pub mod gelu;
mod lanes;
#[cfg(target_arch = "x86_64")]
mod lanes512;
pub mod layer_norm;
pub mod matmul_f32;
pub mod matmul_int16;
pub mod matmul_int2;
pub mod matmul_int4;
pub mod matmul_int8;
pub mod norm;
mod parallel;
pub mod peaks;
pub mod popcount;
pub mod quantise;
pub mod rope;
pub mod silu;
pub mod softmax;
pub mod taps;

pub use parallel::on_this_thread;
