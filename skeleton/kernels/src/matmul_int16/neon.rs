//! The 16-bit product for NEON: the truth compiled for these registers, nothing of its own.
use super::Wide;
use crate::cpu::truth_for;
use crate::matmul_int8::Int8;
use crate::parallel::Shared;
use std::ops::Range;

truth_for! { neon:
    fn quantise(x: &[f32], columns: usize, upper: &mut [i8], lower: &mut [i8], scales: &mut [f32], moved: &mut [[i32; 2]]);
    fn product(out: &Shared<'_>, x: &Wide, weights: &Int8<'_>, rows: Range<usize>);
}
