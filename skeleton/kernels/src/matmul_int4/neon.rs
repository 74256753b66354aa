//! The INT4 products for NEON: the truth compiled for these registers, nothing of its own.
use super::Int4;
use crate::cpu::truth_for;
use crate::parallel::Shared;
use std::ops::Range;

truth_for! { neon:
    fn product(out: &Shared<'_>, codes: &[i8], act_scales: &[f32], weights: &Int4<'_>, rows: Range<usize>);
    fn product_f32(out: &Shared<'_>, x: &[f32], weights: &Int4<'_>, rows: Range<usize>);
}
