//! SiLU, alone and as the gate of a SwiGLU. Element by element, so the law of rows holds by itself.
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

/// x = x / (1 + exp(-x)) in place; relative error below four times `exp::EXP_RELATIVE_ERROR`.
pub fn silu(x: &mut [f32]) -> Outcome<()> {
    silu_on(cpu::level(), x)
}

/// `silu` on a chosen path.
pub fn silu_on(level: Level, x: &mut [f32]) -> Outcome<()> {
    on_path!(level, silu(x));
    Ok(())
}

/// out = silu(gate) up; all three have one length.
pub fn silu_mul(out: &mut [f32], gate: &[f32], up: &[f32]) -> Outcome<()> {
    silu_mul_on(cpu::level(), out, gate, up)
}

/// `silu_mul` on a chosen path.
pub fn silu_mul_on(level: Level, out: &mut [f32], gate: &[f32], up: &[f32]) -> Outcome<()> {
    check::length("gate of silu_mul", gate.len(), out.len())?;
    check::length("up of silu_mul", up.len(), out.len())?;
    on_path!(level, silu_mul(out, gate, up));
    Ok(())
}
