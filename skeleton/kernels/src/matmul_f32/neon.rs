//! The f32 product for NEON: the truth compiled for these registers, nothing of its own.
use super::Matrix;
use crate::cpu::truth_for;
use crate::parallel::Shared;
use std::ops::Range;

truth_for! { neon:
    fn product(out: &Shared<'_>, x: &[f32], weights: Matrix<'_>, rows: Range<usize>);
}
