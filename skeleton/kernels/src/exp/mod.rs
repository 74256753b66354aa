//! The exponential of a slice, and the one element function that softmax and SiLU share. No f64 form.
#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "aarch64")]
mod neon;
pub(crate) mod scalar;

use crate::cpu::{self, Level, on_path};
use foundation::Outcome;

/// Relative error of `exp` against the exact value for inputs in [-87, 88], measured in steps of .00137.
pub const EXP_RELATIVE_ERROR: f32 = 1.2e-7;

/// x = exp(x - less), element by element.
///
/// Values below -87 give 0, values above 88 give exp(88), NaN stays NaN.
/// Source: argument reduction by ln 2 in two parts (Cody and Waite 1980), Taylor terms to degree 7.
pub fn exp(x: &mut [f32], less: f32) -> Outcome<()> {
    exp_on(cpu::level(), x, less)
}

/// `exp` on a chosen path; `Unsupported` when the machine does not have it.
pub fn exp_on(level: Level, x: &mut [f32], less: f32) -> Outcome<()> {
    on_path!(level, exp(x, less));
    Ok(())
}
