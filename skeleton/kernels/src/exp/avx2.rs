//! The exponential for AVX2: the truth compiled for these registers, nothing of its own.
use crate::cpu::truth_for;

truth_for! { avx2:
    fn exp(x: &mut [f32], less: f32);
}
