//! Layer norm: the mean is taken away, the deviation divided out, then gain and bias. Its relative without mean and bias is `norm`.
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

/// out = (x - mean) / sqrt(variance + eps) gain + bias, row by row; the variance is that of the population.
///
/// Shapes: out and x [M, width], gain and bias [width]. Source: Ba et al. 2016, arXiv:1607.06450.
pub fn layer_norm(out: &mut [f32], x: &[f32], gain: &[f32], bias: &[f32], eps: f32) -> Outcome<()> {
    layer_norm_on(cpu::level(), out, x, gain, bias, eps)
}

/// `layer_norm` on a chosen path.
pub fn layer_norm_on(level: Level, out: &mut [f32], x: &[f32], gain: &[f32], bias: &[f32], eps: f32) -> Outcome<()> {
    check::rows("x of layer_norm", x.len(), gain.len())?;
    check::length("out of layer_norm", out.len(), x.len())?;
    check::length("bias of layer_norm", bias.len(), gain.len())?;
    on_path!(level, layer_norm(out, x, gain, bias, eps));
    Ok(())
}
