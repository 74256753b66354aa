//! Quantisation for NEON: the truth compiled for these registers, nothing of its own.
use super::Moment;
use crate::cpu::truth_for;

truth_for! { neon:
    fn int2(packed: &mut [u8], scales: &mut [u16], x: &[f32], columns: usize, moment: Moment, sound: &mut bool);
    fn int4(packed: &mut [u8], scales: &mut [u16], x: &[f32], sound: &mut bool);
    fn int8(codes: &mut [u8], scales: &mut [u16], x: &[f32], columns: usize, sound: &mut bool);
}
