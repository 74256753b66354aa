//! The truth of INT8 activations.
use super::GROUP;
use crate::lanes::largest;

/// 1.5 x 2^23: adding and taking it away rounds to the nearest integer, half to even.
const ROUNDER: f32 = 12_582_912.0;

/// Quantise one row and return its scale.
#[inline(always)]
pub(crate) fn quantise_row(x: &[f32], codes: &mut [i8]) -> f32 {
    let top = largest(x, f32::abs);
    let scale = (if top > 1e-5 { top } else { 1e-5 }) / 127.0;
    for (code, value) in codes.iter_mut().zip(x) {
        let rounded = value / scale + ROUNDER;
        *code = rounded.to_bits().wrapping_sub(ROUNDER.to_bits()) as i8;
    }
    scale
}

#[inline(always)]
pub(super) fn quantise(x: &[f32], width: usize, codes: &mut [i8], scales: &mut [f32]) {
    for ((x, codes), scale) in x.chunks_exact(width).zip(codes.chunks_exact_mut(width)).zip(scales) {
        *scale = quantise_row(x, codes);
    }
}

#[inline(always)]
pub(crate) fn sums(codes: &[i8], sums: &mut [i32]) {
    for (group, sum) in codes.chunks_exact(GROUP).zip(sums) {
        *sum = group.iter().map(|&c| i32::from(c)).sum();
    }
}
