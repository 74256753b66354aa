//! The truth of the f32 product.
use super::{Kind, Matrix};
use crate::lanes::{LANES, fold};
use crate::parallel::Shared;
use half::f16;
use std::ops::Range;

#[inline(always)]
pub(super) fn product(out: &Shared<'_>, x: &[f32], weights: Matrix<'_>, rows: Range<usize>) {
    let columns = weights.columns;
    for (m, x) in x.chunks_exact(columns).enumerate() {
        // SAFETY: each range of rows belongs to one task.
        let out = unsafe { out.slice(m * weights.rows + rows.start, rows.len()) };
        for (out, row) in out.iter_mut().zip(rows.clone()) {
            let at = row * columns..(row + 1) * columns;
            *out = match weights.kind {
                Kind::F32(table) => dot(x, &table[at], |w| w),
                Kind::F16(table) => dot(x, &table[at], |w| f16::from_bits(w).to_f32()),
                Kind::I8(table, scales) => dot(x, &table[at], f32::from) * f16::from_bits(scales[row]).to_f32(),
            };
        }
    }
}

/// Σ x w in sixteen lanes.
#[inline(always)]
fn dot<W: Copy>(x: &[f32], weights: &[W], number: impl Fn(W) -> f32) -> f32 {
    let mut lanes = [0.0; LANES];
    let (x_blocks, x_tail) = x.as_chunks::<LANES>();
    let (w_blocks, w_tail) = weights.as_chunks::<LANES>();
    for (x, w) in x_blocks.iter().zip(w_blocks) {
        for i in 0..LANES {
            lanes[i] = x[i].mul_add(number(w[i]), lanes[i]);
        }
    }
    for (i, (x, w)) in x_tail.iter().zip(w_tail).enumerate() {
        lanes[i] = x.mul_add(number(*w), lanes[i]);
    }
    fold(lanes)
}
