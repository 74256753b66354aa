//! SiLU for NEON: the truth compiled for these registers, nothing of its own.
use crate::cpu::truth_for;

truth_for! { neon:
    fn silu(x: &mut [f32]);
    fn silu_mul(out: &mut [f32], gate: &[f32], up: &[f32]);
}
