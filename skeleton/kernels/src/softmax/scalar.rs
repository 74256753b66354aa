//! The truth of softmax.
use crate::exp::scalar::exp_one;
use crate::lanes::{LANES, fold, largest};

/// Replace scores by exp(score - max) and return their sum, element k in lane k mod 16.
#[inline(always)]
pub(crate) fn exponentials(row: &mut [f32]) -> f32 {
    let top = largest(row, |v| v);
    let mut lanes = [0.0; LANES];
    let (blocks, tail) = row.as_chunks_mut::<LANES>();
    for block in blocks {
        for i in 0..LANES {
            block[i] = exp_one(block[i] - top);
            lanes[i] += block[i];
        }
    }
    for (i, value) in tail.iter_mut().enumerate() {
        *value = exp_one(*value - top);
        lanes[i] += *value;
    }
    fold(lanes)
}

#[inline(always)]
pub(super) fn softmax(x: &mut [f32], width: usize) {
    for row in x.chunks_exact_mut(width) {
        let total = exponentials(row);
        for value in row {
            *value /= total;
        }
    }
}
