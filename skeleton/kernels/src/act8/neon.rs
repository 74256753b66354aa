//! INT8 activations for NEON: the truth compiled for these registers, nothing of its own.
use crate::cpu::truth_for;

truth_for! { neon:
    fn quantise(x: &[f32], width: usize, codes: &mut [i8], scales: &mut [f32]);
    fn sums(codes: &[i8], sums: &mut [i32]);
}
