//! The truth of the 16-bit product.
use super::{LARGEST, Wide};
use crate::lanes::{largest, sum2};
use crate::matmul_int8::Int8;
use crate::parallel::Shared;
use half::f16;
use std::ops::Range;

/// 1.5 x 2^23: adding and taking it away rounds to the nearest integer, half to even.
const ROUNDER: f32 = 12_582_912.0;

#[inline(always)]
pub(super) fn quantise(
    x: &[f32],
    columns: usize,
    upper: &mut [i8],
    lower: &mut [i8],
    scales: &mut [f32],
    moved: &mut [[i32; 2]],
) {
    let bytes = upper.chunks_exact_mut(columns).zip(lower.chunks_exact_mut(columns));
    for (((x, (upper, lower)), scale), moved) in x.chunks_exact(columns).zip(bytes).zip(scales).zip(moved) {
        let top = largest(x, f32::abs);
        // Nothing, unless a number is not finite: then the row's scale, and so all of its outputs, are not either.
        let spoiled = sum2(x, x, |value, _, sum| value * 0.0 + sum);
        *scale = (if top > 1e-5 { top } else { 1e-5 }) / LARGEST as f32 + spoiled;
        for ((upper, lower), value) in upper.iter_mut().zip(lower.iter_mut()).zip(x) {
            let whole = (value / *scale + ROUNDER).to_bits().wrapping_sub(ROUNDER.to_bits()) as i32;
            *lower = whole as i8;
            *upper = (whole.wrapping_sub(i32::from(*lower)) >> 8) as i8;
        }
        let sum = |bytes: &[i8]| bytes.iter().map(|&b| i32::from(b)).sum::<i32>() * 128;
        *moved = [sum(upper), sum(lower)];
    }
}

/// What the two sums of bytes come to.
#[inline(always)]
pub(super) fn joined(upper: i32, lower: i32, weight_scale: f32, scale: f32) -> f32 {
    (upper as f32).mul_add(256.0, lower as f32) * weight_scale * scale
}

#[inline(always)]
pub(super) fn product(out: &Shared<'_>, x: &Wide, weights: &Int8<'_>, rows: Range<usize>) {
    let columns = x.columns;
    for m in 0..x.rows() {
        // SAFETY: each range of rows belongs to one task.
        let out = unsafe { out.slice(m * weights.rows() + rows.start, rows.len()) };
        let (upper, lower) = (&x.upper[m * columns..][..columns], &x.lower[m * columns..][..columns]);
        for (out, row) in out.iter_mut().zip(rows.clone()) {
            let (codes, bits) = weights.at(row);
            let dot = |x: &[i8]| codes.iter().zip(x).map(|(&w, &x)| i32::from(w) * i32::from(x)).sum();
            *out = joined(dot(upper), dot(lower), f16::from_bits(bits).to_f32(), x.scales[m]);
        }
    }
}
