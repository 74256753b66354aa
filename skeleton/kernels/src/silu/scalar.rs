//! The truth of SiLU.
use crate::exp::scalar::exp_one;

#[inline(always)]
fn silu_one(x: f32) -> f32 {
    x / (1.0 + exp_one(-x))
}

#[inline(always)]
pub(super) fn silu(x: &mut [f32]) {
    for value in x {
        *value = silu_one(*value);
    }
}

#[inline(always)]
pub(super) fn silu_mul(out: &mut [f32], gate: &[f32], up: &[f32]) {
    for ((out, gate), up) in out.iter_mut().zip(gate).zip(up) {
        *out = silu_one(*gate) * up;
    }
}
