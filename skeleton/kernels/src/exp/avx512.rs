//! The exponential for AVX-512: the truth compiled for these registers, nothing of its own.
use crate::cpu::truth_for;

truth_for! { avx512:
    fn exp(x: &mut [f32], less: f32);
}
