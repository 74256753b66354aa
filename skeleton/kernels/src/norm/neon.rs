//! RMS norm for NEON: the truth compiled for these registers, nothing of its own.
use crate::cpu::truth_for;

truth_for! { neon:
    fn rms(out: &mut [f32], x: &[f32], gain: &[f32], eps: f32);
    fn rms_in_place(x: &mut [f32], gain: &[f32], eps: f32);
    fn rms_act8(codes: &mut [i8], scales: &mut [f32], x: &[f32], gain: &[f32], eps: f32, row: &mut [f32]);
}
