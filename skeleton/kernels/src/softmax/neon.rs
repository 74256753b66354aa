//! Softmax for NEON: the truth compiled for these registers, nothing of its own.
use crate::cpu::truth_for;

truth_for! { neon:
    fn softmax(x: &mut [f32], width: usize);
}
