//! f32 activations times f32 or f16 weights, row after row; INT8 tables with f32 activations come here too.
#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "aarch64")]
mod neon;
mod scalar;

use crate::check;
use crate::cpu::{self, Level, on_path};
use crate::parallel::{Shared, split};
use foundation::Outcome;

/// How the weights are stored; `I8` carries a f16 scale a row.
#[derive(Clone, Copy)]
pub(crate) enum Kind<'a> {
    F32(&'a [f32]),
    F16(&'a [u16]),
    I8(&'a [i8], &'a [u16]),
}

/// A matrix [rows, columns], row after row.
#[derive(Clone, Copy)]
pub(crate) struct Matrix<'a> {
    pub(crate) rows: usize,
    pub(crate) columns: usize,
    pub(crate) kind: Kind<'a>,
}

/// out = x Wᵀ. Shapes: out [M, rows], x [M, columns], weights [rows, columns].
///
/// The sum runs in sixteen lanes by place in the row, fused, folded in halves.
pub fn matmul(out: &mut [f32], x: &[f32], weights: &[f32], rows: usize, columns: usize) -> Outcome<()> {
    matmul_on(cpu::level(), out, x, weights, rows, columns)
}

/// `matmul` on a chosen path.
pub fn matmul_on(
    level: Level,
    out: &mut [f32],
    x: &[f32],
    weights: &[f32],
    rows: usize,
    columns: usize,
) -> Outcome<()> {
    check::length("weights of matmul_f32", weights.len(), check::product("weights of matmul_f32", rows, columns)?)?;
    product_on(level, out, x, Matrix { rows, columns, kind: Kind::F32(weights) })
}

/// `matmul` with weights as f16 bits, each freed to f32 exactly.
pub fn matmul_f16(out: &mut [f32], x: &[f32], weights: &[u16], rows: usize, columns: usize) -> Outcome<()> {
    matmul_f16_on(cpu::level(), out, x, weights, rows, columns)
}

/// `matmul_f16` on a chosen path.
pub fn matmul_f16_on(
    level: Level,
    out: &mut [f32],
    x: &[f32],
    weights: &[u16],
    rows: usize,
    columns: usize,
) -> Outcome<()> {
    check::length("weights of matmul_f16", weights.len(), check::product("weights of matmul_f16", rows, columns)?)?;
    product_on(level, out, x, Matrix { rows, columns, kind: Kind::F16(weights) })
}

/// The shared door: weights are checked by now, x and out here.
pub(crate) fn product_on(level: Level, out: &mut [f32], x: &[f32], weights: Matrix<'_>) -> Outcome<()> {
    let count = check::rows("x of matmul_f32", x.len(), weights.columns)?;
    check::length("out of matmul_f32", out.len(), check::product("out of matmul_f32", count, weights.rows)?)?;
    let out = Shared::new(out);
    split(weights.rows, weights.rows.saturating_mul(4 * x.len()), |rows| {
        on_path!(level, product(&out, x, weights, rows));
        Ok(())
    })
}
