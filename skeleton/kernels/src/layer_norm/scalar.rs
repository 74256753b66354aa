//! The truth of layer norm: both sums run in sixteen lanes, the second over what the mean leaves.
use crate::lanes::sum2;

#[inline(always)]
pub(super) fn layer_norm(out: &mut [f32], x: &[f32], gain: &[f32], bias: &[f32], eps: f32) {
    let width = gain.len();
    for (out, x) in out.chunks_exact_mut(width).zip(x.chunks_exact(width)) {
        let mean = sum2(x, x, |x, _, sum| sum + x) / width as f32;
        let squares = sum2(x, x, |x, _, sum| (x - mean).mul_add(x - mean, sum));
        let inverse = 1.0 / (squares / width as f32 + eps).sqrt();
        for (((out, x), gain), bias) in out.iter_mut().zip(x).zip(gain).zip(bias) {
            *out = ((x - mean) * inverse).mul_add(*gain, *bias);
        }
    }
}
