//! GELU for AVX2: the truth compiled for these registers, nothing of its own.
use crate::cpu::truth_for;

truth_for! { avx2:
    fn gelu_tanh(x: &mut [f32], bias: &[f32]);
}
