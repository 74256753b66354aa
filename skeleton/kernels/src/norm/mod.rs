//! RMS norm with gain, alone and followed at once by INT8 quantisation. No mean is taken away, no bias added.
#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "aarch64")]
mod neon;
mod scalar;

use crate::cpu::{self, Level, on_path};
use crate::{act8, check};
use foundation::Outcome;

/// out = x / sqrt(mean(x²) + eps) gain, row by row.
///
/// Shapes: out and x [M, width], gain [width]. With width = 64 and M = tokens x heads it is the norm of heads.
pub fn rms(out: &mut [f32], x: &[f32], gain: &[f32], eps: f32, width: usize) -> Outcome<()> {
    rms_on(cpu::level(), out, x, gain, eps, width)
}

/// `rms` on a chosen path.
pub fn rms_on(level: Level, out: &mut [f32], x: &[f32], gain: &[f32], eps: f32, width: usize) -> Outcome<()> {
    check::rows("x of rms", x.len(), width)?;
    check::length("out of rms", out.len(), x.len())?;
    check::length("gain of rms", gain.len(), width)?;
    on_path!(level, rms(out, x, gain, eps));
    Ok(())
}

/// `rms` in place: the same bits.
pub fn rms_in_place(x: &mut [f32], gain: &[f32], eps: f32) -> Outcome<()> {
    rms_in_place_on(cpu::level(), x, gain, eps)
}

/// `rms_in_place` on a chosen path; the width is the gain's.
pub fn rms_in_place_on(level: Level, x: &mut [f32], gain: &[f32], eps: f32) -> Outcome<()> {
    check::rows("x of rms", x.len(), gain.len())?;
    on_path!(level, rms_in_place(x, gain, eps));
    Ok(())
}

/// `rms`, then `act8::quantise`: the same codes, scales and sums to the bit, without a pass through memory between.
///
/// Shapes: codes and x [M, width], scales [M], group_sums [M, width / 64] when given, gain [width].
#[allow(clippy::too_many_arguments)]
pub fn rms_act8(
    codes: &mut [i8],
    scales: &mut [f32],
    group_sums: Option<&mut [i32]>,
    x: &[f32],
    gain: &[f32],
    eps: f32,
    width: usize,
) -> Outcome<()> {
    rms_act8_on(cpu::level(), codes, scales, group_sums, x, gain, eps, width)
}

/// `rms_act8` on a chosen path.
#[allow(clippy::too_many_arguments)]
pub fn rms_act8_on(
    level: Level,
    codes: &mut [i8],
    scales: &mut [f32],
    group_sums: Option<&mut [i32]>,
    x: &[f32],
    gain: &[f32],
    eps: f32,
    width: usize,
) -> Outcome<()> {
    act8::shapes(x.len(), width, codes.len(), scales.len(), group_sums.as_ref().map(|s| s.len()))?;
    check::length("gain of rms", gain.len(), width)?;
    let mut row = vec![0.0; width];
    on_path!(level, rms_act8(codes, scales, x, gain, eps, &mut row));
    match group_sums {
        Some(sums) => act8::sums_on(level, codes, sums),
        None => Ok(()),
    }
}
