//! Depthwise correlation over frames: each channel has its own few taps. No mixing of channels, no stride.
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

/// out[t] = bias + Σ_k taps[k] x[t + k - K / 2] for frames first .. of x, channel by channel; frames outside of x are zero.
///
/// Shapes: x [T, width], taps [K, width] with K odd, bias [width], out [n, width] with first + n <= T.
/// A frame's bits depend only on the K frames around it: not on `first`, nor on how many are asked for.
pub fn correlate(out: &mut [f32], x: &[f32], first: usize, taps: &[f32], bias: &[f32]) -> Outcome<()> {
    correlate_on(cpu::level(), out, x, first, taps, bias)
}

/// `correlate` on a chosen path.
pub fn correlate_on(level: Level, out: &mut [f32], x: &[f32], first: usize, taps: &[f32], bias: &[f32]) -> Outcome<()> {
    let frames = check::rows("x of correlate", x.len(), bias.len())?;
    let count = check::rows("out of correlate", out.len(), bias.len())?;
    let number = check::rows("taps of correlate", taps.len(), bias.len())?;
    if number.is_multiple_of(2) {
        return Err(Fault::out_of_range("taps of correlate", "an odd number", number));
    }
    if first > frames || count > frames - first {
        return Err(Fault::out_of_range("frames of correlate", format!("0 ..= {frames}"), first.saturating_add(count)));
    }
    on_path!(level, correlate(out, x, first, taps, bias));
    Ok(())
}
