//! The INT2 products for NEON: the truth compiled for these registers, nothing of its own.
use super::{Int2, Quantised};
use crate::cpu::truth_for;
use crate::parallel::Shared;
use std::ops::Range;

truth_for! { neon:
    fn product(out: &Shared<'_>, x: Quantised<'_>, weights: &Int2<'_>, tiles: Range<usize>);
    fn product_f32(out: &Shared<'_>, x: &[f32], weights: &Int2<'_>, tiles: Range<usize>);
}
