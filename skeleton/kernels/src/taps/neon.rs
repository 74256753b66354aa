//! The depthwise correlation for NEON: the truth compiled for these registers, nothing of its own.
use crate::cpu::truth_for;

truth_for! { neon:
    fn correlate(out: &mut [f32], x: &[f32], first: usize, taps: &[f32], bias: &[f32]);
}
