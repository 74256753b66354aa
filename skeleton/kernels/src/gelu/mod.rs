//! GELU in its tanh form, with the bias of the product before it. Element by element, so the law of rows holds by itself.
#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "aarch64")]
mod neon;
mod scalar;

use crate::check;
use crate::cpu::{self, Level, on_path};
use foundation::Outcome;

/// x = gelu(x + bias) in place, gelu(v) = v / 2 (1 + tanh(sqrt(2 / pi) (v + 0.044715 v³))).
///
/// Shapes: x [M, width], bias [width]. Source: Hendrycks and Gimpel 2016, arXiv:1606.08415; tanh by `exp::exp_one`.
pub fn gelu_tanh(x: &mut [f32], bias: &[f32]) -> Outcome<()> {
    gelu_tanh_on(cpu::level(), x, bias)
}

/// `gelu_tanh` on a chosen path.
pub fn gelu_tanh_on(level: Level, x: &mut [f32], bias: &[f32]) -> Outcome<()> {
    check::rows("x of gelu_tanh", x.len(), bias.len())?;
    on_path!(level, gelu_tanh(x, bias));
    Ok(())
}
