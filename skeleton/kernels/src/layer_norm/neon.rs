//! Layer norm for NEON: the truth compiled for these registers, nothing of its own.
use crate::cpu::truth_for;

truth_for! { neon:
    fn layer_norm(out: &mut [f32], x: &[f32], gain: &[f32], bias: &[f32], eps: f32);
}
