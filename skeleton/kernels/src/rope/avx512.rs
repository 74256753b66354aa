//! Rotation for AVX-512: the truth compiled for these registers, nothing of its own.
use crate::cpu::truth_for;

truth_for! { avx512:
    fn apply(x: &mut [f32], heads: usize, head_size: usize, cos: &[f32], sin: &[f32]);
}
