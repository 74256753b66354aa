//! The truth of RMS norm.
use crate::act8::scalar::quantise_row;
use crate::lanes::dot;

/// 1 / sqrt(mean(x²) + eps); the sum of squares runs in sixteen lanes.
#[inline(always)]
fn inverse_root(x: &[f32], eps: f32) -> f32 {
    1.0 / (dot(x, x) / x.len() as f32 + eps).sqrt()
}

#[inline(always)]
fn rms_row(out: &mut [f32], x: &[f32], gain: &[f32], eps: f32) {
    let inverse = inverse_root(x, eps);
    for ((out, x), gain) in out.iter_mut().zip(x).zip(gain) {
        *out = x * inverse * gain;
    }
}

#[inline(always)]
pub(super) fn rms(out: &mut [f32], x: &[f32], gain: &[f32], eps: f32) {
    for (out, x) in out.chunks_exact_mut(gain.len()).zip(x.chunks_exact(gain.len())) {
        rms_row(out, x, gain, eps);
    }
}

#[inline(always)]
pub(super) fn rms_in_place(x: &mut [f32], gain: &[f32], eps: f32) {
    for row in x.chunks_exact_mut(gain.len()) {
        let inverse = inverse_root(row, eps);
        for (x, gain) in row.iter_mut().zip(gain) {
            *x = *x * inverse * gain;
        }
    }
}

#[inline(always)]
pub(super) fn rms_act8(codes: &mut [i8], scales: &mut [f32], x: &[f32], gain: &[f32], eps: f32, row: &mut [f32]) {
    let rows = x.chunks_exact(gain.len()).zip(codes.chunks_exact_mut(gain.len())).zip(scales);
    for ((x, codes), scale) in rows {
        rms_row(row, x, gain, eps);
        *scale = quantise_row(row, codes);
    }
}
