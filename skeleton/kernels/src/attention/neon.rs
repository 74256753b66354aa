//! Attention for NEON: the truth compiled for these registers, nothing of its own.
use super::Call;
use crate::cpu::truth_for;
use crate::parallel::Shared;
use std::ops::Range;

truth_for! { neon:
    fn tile(out: &Shared<'_>, call: &Call<'_>, kv_head: usize, rows: Range<usize>);
}
