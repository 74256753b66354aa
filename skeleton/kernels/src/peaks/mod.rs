//! What a tile of logits comes to: its largest and second largest number, and float64 sums of the weights. Chooses nothing.
#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "aarch64")]
mod neon;
mod scalar;

use crate::check;
use crate::cpu::{self, Level, on_path};
use foundation::{Fault, Outcome};

/// The two largest numbers of a list, and where the largest stands first.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Peaks {
    /// The largest.
    pub first: f32,
    /// The lowest place that has it.
    pub place: usize,
    /// The largest of the others; equal to `first` on a tie, -inf when there are none.
    pub second: f32,
}

/// The peaks of `x`, not empty. Exact, so the same on every path; NaN is passed over, and a list of only NaN has -inf at 0.
pub fn peaks(x: &[f32]) -> Outcome<Peaks> {
    peaks_on(cpu::level(), x)
}

/// `peaks` on a chosen path.
pub fn peaks_on(level: Level, x: &[f32]) -> Outcome<Peaks> {
    if x.is_empty() {
        return Err(Fault::shape("x of peaks", "[1 and more]", "[0]"));
    }
    let mut found = Peaks { first: f32::NEG_INFINITY, place: 0, second: f32::NEG_INFINITY };
    on_path!(level, peaks(x, &mut found));
    Ok(found)
}

/// (Σ w, Σ (x - top) w) in float64, each in sixteen lanes by place, folded in halves; the products are float32. One length.
pub fn sums(x: &[f32], weights: &[f32], top: f32) -> Outcome<(f64, f64)> {
    sums_on(cpu::level(), x, weights, top)
}

/// `sums` on a chosen path.
pub fn sums_on(level: Level, x: &[f32], weights: &[f32], top: f32) -> Outcome<(f64, f64)> {
    check::length("weights of sums", weights.len(), x.len())?;
    let mut both = (0.0, 0.0);
    on_path!(level, sums(x, weights, top, &mut both));
    Ok(both)
}
