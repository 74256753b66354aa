//! Softmax over rows, in place. Attention has its own, of the same functions in the same order.
#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "aarch64")]
mod neon;
pub(crate) mod scalar;

use crate::check;
use crate::cpu::{self, Level, on_path};
use foundation::Outcome;

/// Each row of `width` values becomes exp(x - max) / Σ exp(x - max).
///
/// -inf has the probability 0; a row of only -inf becomes NaN. The sum runs in sixteen lanes by place in the row.
pub fn softmax(x: &mut [f32], width: usize) -> Outcome<()> {
    softmax_on(cpu::level(), x, width)
}

/// `softmax` on a chosen path.
pub fn softmax_on(level: Level, x: &mut [f32], width: usize) -> Outcome<()> {
    check::rows("x of softmax", x.len(), width)?;
    on_path!(level, softmax(x, width));
    Ok(())
}
