//! The truth of the INT8 product.
use super::Int8;
use crate::parallel::Shared;
use half::f16;
use std::ops::Range;

#[inline(always)]
pub(super) fn product(out: &Shared<'_>, codes: &[i8], act_scales: &[f32], weights: &Int8<'_>, rows: Range<usize>) {
    let columns = weights.columns;
    for (m, (x, act_scale)) in codes.chunks_exact(columns).zip(act_scales).enumerate() {
        // SAFETY: each range of rows belongs to one task.
        let out = unsafe { out.slice(m * weights.rows + rows.start, rows.len()) };
        let table = weights.codes[rows.start * columns..rows.end * columns].chunks_exact(columns);
        for ((out, row), &scale) in out.iter_mut().zip(table).zip(&weights.scales[rows.clone()]) {
            let dot: i32 = row.iter().zip(x).map(|(&w, &x)| i32::from(w) * i32::from(x)).sum();
            *out = dot as f32 * f16::from_bits(scale).to_f32() * act_scale;
        }
    }
}
