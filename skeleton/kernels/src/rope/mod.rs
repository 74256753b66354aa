//! Rotation of queries and keys by explicit angle tables, and the tables for positions of two numbers. No counters.
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

/// Turn pairs (i, i + half) of each head by the row's angles.
///
/// x'_i = x_i cos - x_{i+half} sin, x'_{i+half} = x_{i+half} cos + x_i sin.
/// Shapes: x [M, heads * head_size], cos and sin [M, head_size / 2].
pub fn apply(x: &mut [f32], heads: usize, head_size: usize, cos: &[f32], sin: &[f32]) -> Outcome<()> {
    apply_on(cpu::level(), x, heads, head_size, cos, sin)
}

/// `apply` on a chosen path.
pub fn apply_on(level: Level, x: &mut [f32], heads: usize, head_size: usize, cos: &[f32], sin: &[f32]) -> Outcome<()> {
    check::multiple("head size", head_size, 2)?;
    let rows = check::rows("x of rope", x.len(), check::product("width of rope", heads, head_size)?)?;
    check::length("cos of rope", cos.len(), rows * (head_size / 2))?;
    check::length("sin of rope", sin.len(), rows * (head_size / 2))?;
    on_path!(level, apply(x, heads, head_size, cos, sin));
    Ok(())
}

/// The tables (cos, sin) [M, head_size / 2] for positions (row, column).
///
/// Pair i turns by position theta^(-2i / head_size): even i with the row, odd i with the column, full i. f64 inside.
/// Source: MODEL.md §2; Su et al. 2021, arXiv:2104.09864.
pub fn angles(rows: &[f32], columns: &[f32], theta: f64, head_size: usize) -> Outcome<(Vec<f32>, Vec<f32>)> {
    check::length("columns of positions", columns.len(), rows.len())?;
    check::multiple("head size", head_size, 2)?;
    if !(theta.is_finite() && theta > 0.0) {
        return Err(Fault::out_of_range("theta", "the positive numbers", theta));
    }
    let half = head_size / 2;
    let speeds: Vec<f64> = (0..half).map(|i| theta.powf(-(i as f64) / half as f64)).collect();
    let turns = rows.iter().zip(columns).flat_map(|(&row, &column)| {
        let turn = move |(i, speed): (usize, &f64)| f64::from(if i % 2 == 0 { row } else { column }) * speed;
        speeds.iter().enumerate().map(turn)
    });
    Ok(turns.map(|angle| (angle.cos() as f32, angle.sin() as f32)).unzip())
}
