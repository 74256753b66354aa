//! The truth of GELU: v / 2 (1 + tanh u) is v / (1 + exp(-2 u)).
use crate::exp::scalar::exp_one;

/// -2 sqrt(2 / pi)
const SLOPE: f32 = -1.595_769;
const CUBE: f32 = 0.044_715;

#[inline(always)]
pub(super) fn gelu_tanh(x: &mut [f32], bias: &[f32]) {
    for row in x.chunks_exact_mut(bias.len()) {
        for (x, bias) in row.iter_mut().zip(bias) {
            let v = *x + bias;
            let u = SLOPE * v * (CUBE * v).mul_add(v, 1.0);
            *x = v / (1.0 + exp_one(u));
        }
    }
}
