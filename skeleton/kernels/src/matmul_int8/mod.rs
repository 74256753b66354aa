//! Activations times INT8 weights with one scale a row: the head that shares its table with the embedding.
#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "aarch64")]
mod neon;
mod scalar;

use crate::cpu::{self, Level, on_path};
use crate::matmul_f32::{Kind, Matrix, product_on};
use crate::parallel::{Shared, split};
use crate::{act8, check};
use foundation::{Fault, Outcome};
use half::f16;

/// Most columns whose integer sum cannot leave an i32, whatever the codes.
const MOST_COLUMNS: usize = 65_536;

/// A weight matrix "int8.row": codes [rows, columns] row after row, one f16 scale a row. Borrowed.
#[derive(Clone, Copy, Debug)]
pub struct Int8<'a> {
    rows: usize,
    columns: usize,
    codes: &'a [i8],
    scales: &'a [u16],
}

impl<'a> Int8<'a> {
    /// Check lengths: codes [rows columns], scales [rows]; columns in 1 ..= 65536.
    pub fn new(rows: usize, columns: usize, codes: &'a [i8], scales: &'a [u16]) -> Outcome<Self> {
        if !(1..=MOST_COLUMNS).contains(&columns) {
            return Err(Fault::out_of_range("columns of int8.row", format!("1 ..= {MOST_COLUMNS}"), columns));
        }
        check::length("codes of int8.row", codes.len(), check::product("codes of int8.row", rows, columns)?)?;
        check::length("scales of int8.row", scales.len(), rows)?;
        Ok(Self { rows, columns, codes, scales })
    }

    /// Outputs of the matrix.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Inputs of the matrix.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// The `count` rows from `first` on as a matrix: a tile of the vocabulary.
    pub fn part(&self, first: usize, count: usize) -> Outcome<Self> {
        if first > self.rows || count > self.rows - first {
            return Err(Fault::out_of_range(
                "rows of a part",
                format!("0 ..= {}", self.rows),
                first.saturating_add(count),
            ));
        }
        let codes = &self.codes[first * self.columns..(first + count) * self.columns];
        Ok(Self { rows: count, columns: self.columns, codes, scales: &self.scales[first..first + count] })
    }

    /// Codes and scale of row `index`, which exists.
    #[inline(always)]
    pub(crate) fn at(&self, index: usize) -> (&'a [i8], u16) {
        (&self.codes[index * self.columns..][..self.columns], self.scales[index])
    }

    /// Row `index` as numbers, code x scale (an embedding). Shape: out [columns].
    pub fn row(&self, index: usize, out: &mut [f32]) -> Outcome<()> {
        check::length("out of an int8 row", out.len(), self.columns)?;
        let part = self.part(index, 1)?;
        let scale = f16::from_bits(part.scales[0]).to_f32();
        out.iter_mut().zip(part.codes).for_each(|(out, &code)| *out = f32::from(code) * scale);
        Ok(())
    }
}

/// out = x Wᵀ for activations from `act8::quantise`; the sum over inputs is an exact integer.
///
/// Shapes: out [M, rows], codes [M, columns], act_scales [M].
pub fn matmul(out: &mut [f32], codes: &[i8], act_scales: &[f32], weights: &Int8<'_>) -> Outcome<()> {
    matmul_on(cpu::level(), out, codes, act_scales, weights)
}

/// `matmul` on a chosen path.
pub fn matmul_on(level: Level, out: &mut [f32], codes: &[i8], act_scales: &[f32], weights: &Int8<'_>) -> Outcome<()> {
    act8::shapes(codes.len(), weights.columns, codes.len(), act_scales.len(), None)?;
    let size = check::product("out of matmul_int8", act_scales.len(), weights.rows)?;
    check::length("out of matmul_int8", out.len(), size)?;
    let out = Shared::new(out);
    split(weights.rows, weights.rows.saturating_mul(codes.len()), |rows| {
        on_path!(level, product(&out, codes, act_scales, weights, rows));
        Ok(())
    })
}

/// out = (x Qᵀ) s with f32 activations: logits over a quantised table. Shapes: out [M, rows], x [M, columns].
///
/// The sum runs in sixteen lanes by place in the row; the scale multiplies the sum once.
pub fn matmul_f32_int8(out: &mut [f32], x: &[f32], weights: &Int8<'_>) -> Outcome<()> {
    matmul_f32_int8_on(cpu::level(), out, x, weights)
}

/// `matmul_f32_int8` on a chosen path.
pub fn matmul_f32_int8_on(level: Level, out: &mut [f32], x: &[f32], weights: &Int8<'_>) -> Outcome<()> {
    let kind = Kind::I8(weights.codes, weights.scales);
    product_on(level, out, x, Matrix { rows: weights.rows, columns: weights.columns, kind })
}
