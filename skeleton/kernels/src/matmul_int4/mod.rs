//! Activations times INT4 weights of groups of 64: trunks of imported checkpoints. Packing is the quant room's.
//!
//! **Layout "int4.g64".** Row after row, 32 bytes a group: byte b holds input b of the group in its low half and input
//! b + 32 in its high half. Scales are f16 bits [rows, columns / 64]. A weight is (code - 8) scale.
#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "aarch64")]
mod neon;
mod scalar;

use crate::act8::{self, GROUP};
use crate::check;
use crate::cpu::{self, Level, on_path};
use crate::parallel::{Shared, split};
use foundation::Outcome;

/// A weight matrix in the layout "int4.g64", borrowed.
#[derive(Clone, Copy, Debug)]
pub struct Int4<'a> {
    rows: usize,
    columns: usize,
    packed: &'a [u8],
    scales: &'a [u16],
}

impl<'a> Int4<'a> {
    /// Check lengths: columns % 64 == 0, packed [rows columns / 2], scales [rows columns / 64].
    pub fn new(rows: usize, columns: usize, packed: &'a [u8], scales: &'a [u16]) -> Outcome<Self> {
        check::multiple("columns of int4.g64", columns, GROUP)?;
        let weights = check::product("weights of int4.g64", rows, columns)?;
        check::length("packed bytes of int4.g64", packed.len(), weights / 2)?;
        check::length("scales of int4.g64", scales.len(), weights / GROUP)?;
        Ok(Self { rows, columns, packed, scales })
    }

    /// Outputs of the matrix.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Inputs of the matrix.
    pub fn columns(&self) -> usize {
        self.columns
    }
}

/// out = x Wᵀ for activations from `act8::quantise`.
///
/// Shapes: out [M, rows], codes [M, columns], act_scales [M]. Inputs 4 l ..= 4 l + 3 of a group are summed exactly in
/// integer lane l; lanes are scaled and added in order of groups, and folded at the end.
pub fn matmul(out: &mut [f32], codes: &[i8], act_scales: &[f32], weights: &Int4<'_>) -> Outcome<()> {
    matmul_on(cpu::level(), out, codes, act_scales, weights)
}

/// `matmul` on a chosen path.
pub fn matmul_on(level: Level, out: &mut [f32], codes: &[i8], act_scales: &[f32], weights: &Int4<'_>) -> Outcome<()> {
    act8::shapes(codes.len(), weights.columns, codes.len(), act_scales.len(), None)?;
    let size = check::product("out of matmul_int4", act_scales.len(), weights.rows)?;
    check::length("out of matmul_int4", out.len(), size)?;
    let out = Shared::new(out);
    split(weights.rows, weights.rows.saturating_mul(codes.len()), |rows| {
        on_path!(level, product(&out, codes, act_scales, weights, rows));
        Ok(())
    })
}

/// out = x Wᵀ with f32 activations. Shapes: out [M, rows], x [M, columns]. Input k of a group adds to lane k mod 16.
pub fn matmul_f32_int4(out: &mut [f32], x: &[f32], weights: &Int4<'_>) -> Outcome<()> {
    matmul_f32_int4_on(cpu::level(), out, x, weights)
}

/// `matmul_f32_int4` on a chosen path.
pub fn matmul_f32_int4_on(level: Level, out: &mut [f32], x: &[f32], weights: &Int4<'_>) -> Outcome<()> {
    let count = check::rows("x of matmul_f32_int4", x.len(), weights.columns)?;
    let size = check::product("out of matmul_f32_int4", count, weights.rows)?;
    check::length("out of matmul_f32_int4", out.len(), size)?;
    let out = Shared::new(out);
    split(weights.rows, weights.rows.saturating_mul(4 * x.len()), |rows| {
        on_path!(level, product_f32(&out, x, weights, rows));
        Ok(())
    })
}
