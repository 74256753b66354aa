//! One query against many rows: inner product, cosine, squared distance. No ranking; that is the search room's.
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

/// What is measured between the query and a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// Σ q r.
    Dot,
    /// Σ q r / (|q| |r|); 0 when either is zero.
    Cosine,
    /// Σ (q - r)², the square, not its root.
    L2,
}

/// out = Σ q r for each row. Shapes: query [width], rows [n, width], out [n].
pub fn dot(query: &[f32], rows: &[f32], width: usize, out: &mut [f32]) -> Outcome<()> {
    measure_on(cpu::level(), Measure::Dot, query, rows, width, out)
}

/// out = Σ q r / (|q| |r|), 0 when either is zero. Shapes as in `dot`.
pub fn cosine(query: &[f32], rows: &[f32], width: usize, out: &mut [f32]) -> Outcome<()> {
    measure_on(cpu::level(), Measure::Cosine, query, rows, width, out)
}

/// out = Σ (q - r)². Shapes as in `dot`.
pub fn l2(query: &[f32], rows: &[f32], width: usize, out: &mut [f32]) -> Outcome<()> {
    measure_on(cpu::level(), Measure::L2, query, rows, width, out)
}

/// Any measure on a chosen path.
pub fn measure_on(
    level: Level,
    measure: Measure,
    query: &[f32],
    rows: &[f32],
    width: usize,
    out: &mut [f32],
) -> Outcome<()> {
    check::length("query", query.len(), width)?;
    check::length("out of distances", out.len(), check::rows("rows to search", rows.len(), width)?)?;
    match measure {
        Measure::Dot => on_path!(level, dot(query, rows, out)),
        Measure::Cosine => on_path!(level, cosine(query, rows, out)),
        Measure::L2 => on_path!(level, l2(query, rows, out)),
    }
    Ok(())
}
