//! GELU for NEON: the truth compiled for these registers, nothing of its own.
use crate::cpu::truth_for;

truth_for! { neon:
    fn gelu_tanh(x: &mut [f32], bias: &[f32]);
}
