//! The depthwise correlation for AVX-512: the truth compiled for these registers, nothing of its own.
use crate::cpu::truth_for;

truth_for! { avx512:
    fn correlate(out: &mut [f32], x: &[f32], first: usize, taps: &[f32], bias: &[f32]);
}
