//! The exponential for NEON: the truth compiled for these registers, nothing of its own.
use crate::cpu::truth_for;

truth_for! { neon:
    fn exp(x: &mut [f32], less: f32);
}
