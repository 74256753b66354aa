//! Peaks and sums for AVX-512: the truth compiled for these registers, nothing of its own.
use super::Peaks;
use crate::cpu::truth_for;

truth_for! { avx512:
    fn peaks(x: &[f32], found: &mut Peaks);
    fn sums(x: &[f32], weights: &[f32], top: f32, both: &mut (f64, f64));
}
