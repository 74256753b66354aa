//! The scans of codes for AVX2: the truth compiled for these registers, nothing of its own.
use super::{Blocks, Bytes, Query};
use crate::cpu::truth_for;

truth_for! { avx2:
    fn estimate(out: &mut [f32], query: Query<'_>, blocks: Blocks<'_>);
    fn best_of_groups(best: &mut [f32], places: &mut [u32], estimates: &[f32]);
    fn collect(out: &mut Vec<u32>, first: u32, estimates: &[f32], factors: &[f32], slack: f32, least: f32);
    fn dots(out: &mut [i32], rows: &[u32], query: &[i8], codes: &[Bytes]);
}
