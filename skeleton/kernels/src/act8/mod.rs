//! Activations to INT8, one scale a row (token). The other half of an integer product is in the `matmul_int*` rooms.
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

/// How many inputs share one entry of `group_sums`, and one scale of INT2 and INT4 weights.
pub const GROUP: usize = 64;

/// Quantise rows: s = max(absmax, 1e-5) / 127, code = x / s rounded half to even.
///
/// Shapes: x [M, width], codes [M, width], scales [M], group_sums [M, width / 64] = Σ codes of 64 inputs, when given
/// (then width is a multiple of 64). Codes lie in -127 ..= 127 for finite rows.
/// Source: MODEL.md §3, the rule that the network was trained with.
pub fn quantise(
    x: &[f32],
    width: usize,
    codes: &mut [i8],
    scales: &mut [f32],
    group_sums: Option<&mut [i32]>,
) -> Outcome<()> {
    quantise_on(cpu::level(), x, width, codes, scales, group_sums)
}

/// `quantise` on a chosen path.
pub fn quantise_on(
    level: Level,
    x: &[f32],
    width: usize,
    codes: &mut [i8],
    scales: &mut [f32],
    group_sums: Option<&mut [i32]>,
) -> Outcome<()> {
    shapes(x.len(), width, codes.len(), scales.len(), group_sums.as_ref().map(|s| s.len()))?;
    on_path!(level, quantise(x, width, codes, scales));
    group_sums.map_or(Ok(()), |sums| sums_on(level, codes, sums))
}

/// Σ codes of each 64 inputs; lengths are the caller's affair.
pub(crate) fn sums_on(level: Level, codes: &[i8], group_sums: &mut [i32]) -> Outcome<()> {
    on_path!(level, sums(codes, group_sums));
    Ok(())
}

/// The shapes that quantised rows must have.
pub(crate) fn shapes(x: usize, width: usize, codes: usize, scales: usize, sums: Option<usize>) -> Outcome<()> {
    let rows = check::rows("x to quantise", x, width)?;
    check::length("codes of activations", codes, x)?;
    check::length("scales of activations", scales, rows)?;
    if let Some(sums) = sums {
        check::multiple("width with group sums", width, GROUP)?;
        check::length("group sums", sums, x / GROUP)?;
    }
    Ok(())
}
