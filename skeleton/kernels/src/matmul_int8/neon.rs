//! The INT8 product for NEON: the truth compiled for these registers, nothing of its own.
use super::Int8;
use crate::cpu::truth_for;
use crate::parallel::Shared;
use std::ops::Range;

truth_for! { neon:
    fn product(out: &Shared<'_>, codes: &[i8], act_scales: &[f32], weights: &Int8<'_>, rows: Range<usize>);
}
