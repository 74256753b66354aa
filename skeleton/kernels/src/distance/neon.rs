//! Distances for NEON: the truth compiled for these registers, nothing of its own.
use crate::cpu::truth_for;

truth_for! { neon:
    fn dot(query: &[f32], rows: &[f32], out: &mut [f32]);
    fn cosine(query: &[f32], rows: &[f32], out: &mut [f32]);
    fn l2(query: &[f32], rows: &[f32], out: &mut [f32]);
}
