//! Activations times INT2 weights of groups of 64: the trunk's product. Packing and scales are made in the quant room.
//!
//! **Layout "int2.g64.r16".** Rows lie in tiles of 16. Within a tile each 16 inputs are one block of 64 bytes: byte
//! 4 lane + i holds inputs 4 j + i (j = 0 ..= 3, in bits 2 j and 2 j + 1) of row 16 tile + lane. Scales are f16 bits,
//! 16 for each tile and group of 64 inputs. A weight is (code - 1.5) scale.
#[cfg(target_arch = "x86_64")]
mod amx;
#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "aarch64")]
mod neon;
mod scalar;

use crate::act8::{self, GROUP};
use crate::cpu::{self, Level, on_path};
use crate::parallel::{Shared, split};
use crate::{check, lanes::LANES};
use foundation::Outcome;
use std::ops::Range;

/// Groups whose sums are added as whole numbers.
const CHUNK: usize = 8;
/// Bytes of one row tile for one group of inputs.
const GROUP_BYTES: usize = LANES * GROUP / 4;

/// A weight matrix in the layout "int2.g64.r16", borrowed.
#[derive(Clone, Copy, Debug)]
pub struct Int2<'a> {
    rows: usize,
    columns: usize,
    packed: &'a [u8],
    scales: &'a [u16],
}

impl<'a> Int2<'a> {
    /// Check lengths: rows % 16 == 0, columns % 64 == 0, packed [rows columns / 4], scales [rows columns / 64].
    pub fn new(rows: usize, columns: usize, packed: &'a [u8], scales: &'a [u16]) -> Outcome<Self> {
        check::multiple("rows of int2.g64.r16", rows, LANES)?;
        check::multiple("columns of int2.g64.r16", columns, GROUP)?;
        let weights = check::product("weights of int2.g64.r16", rows, columns)?;
        check::length("packed bytes of int2.g64.r16", packed.len(), weights / 4)?;
        check::length("scales of int2.g64.r16", scales.len(), weights / GROUP)?;
        Ok(Self { rows, columns, packed, scales })
    }

    /// Outputs of the matrix.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Inputs of the matrix.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// The packed bytes of a row tile, group after group.
    fn tile_bytes(&self, tile: usize) -> &'a [u8] {
        let length = GROUP_BYTES * (self.columns / GROUP);
        &self.packed[tile * length..(tile + 1) * length]
    }

    /// The f16 scales of a row tile, 16 a group.
    fn tile_scales(&self, tile: usize) -> &'a [u16] {
        let length = LANES * (self.columns / GROUP);
        &self.scales[tile * length..(tile + 1) * length]
    }
}

/// Quantised activations, their lengths checked.
#[derive(Clone, Copy)]
struct Quantised<'a> {
    codes: &'a [i8],
    scales: &'a [f32],
    group_sums: &'a [i32],
}

/// out = x Wᵀ for activations from `act8::quantise` with group sums.
///
/// Shapes: out [M, rows], codes [M, columns], act_scales [M], group_sums [M, columns / 64].
/// The scales of a row are whole multiples (`steps`) of its unit, 2^-12 of the largest one's power of two: exact for all scales
/// above a quarter of the largest, to half a unit below. Eight groups are so summed in integers, exactly, and these sums added in
/// order in f32; then come the unit and the activations' scale.
/// Runs on the pool that the caller is in, over row tiles.
pub fn matmul(
    out: &mut [f32],
    codes: &[i8],
    act_scales: &[f32],
    group_sums: &[i32],
    weights: &Int2<'_>,
) -> Outcome<()> {
    matmul_all(&mut [(out, *weights)], codes, act_scales, group_sums)
}

/// Several products with the same activations (q, k and v; gate and up) as one piece of parallel work: the same bits.
pub fn matmul_all(
    jobs: &mut [(&mut [f32], Int2<'_>)],
    codes: &[i8],
    act_scales: &[f32],
    group_sums: &[i32],
) -> Outcome<()> {
    matmul_all_on(cpu::level(), jobs, codes, act_scales, group_sums)
}

/// `matmul_all` on a chosen path.
pub fn matmul_all_on(
    level: Level,
    jobs: &mut [(&mut [f32], Int2<'_>)],
    codes: &[i8],
    act_scales: &[f32],
    group_sums: &[i32],
) -> Outcome<()> {
    level.check()?;
    let Some(columns) = jobs.first().map(|job| job.1.columns) else { return Ok(()) };
    act8::shapes(codes.len(), columns, codes.len(), act_scales.len(), Some(group_sums.len()))?;
    check_jobs(jobs, columns, act_scales.len())?;
    let x = Quantised { codes, scales: act_scales, group_sums };
    over_tiles(jobs, columns * act_scales.len(), |out, weights, tiles| {
        on_path!(level, product(out, x, weights, tiles));
        Ok(())
    })
}

/// out = x Wᵀ with f32 activations; weights are freed on the fly. Shapes: out [M, rows], x [M, columns].
///
/// Within a group input k adds to chain k mod 4; the chains are folded, scaled and added in order of groups.
pub fn matmul_f32_int2(out: &mut [f32], x: &[f32], weights: &Int2<'_>) -> Outcome<()> {
    matmul_f32_int2_on(cpu::level(), out, x, weights)
}

/// `matmul_f32_int2` on a chosen path.
pub fn matmul_f32_int2_on(level: Level, out: &mut [f32], x: &[f32], weights: &Int2<'_>) -> Outcome<()> {
    level.check()?;
    let count = check::rows("x of matmul_f32_int2", x.len(), weights.columns)?;
    let mut jobs = [(out, *weights)];
    check_jobs(&jobs, weights.columns, count)?;
    over_tiles(&mut jobs, 4 * x.len(), |out, weights, tiles| {
        on_path!(level, product_f32(out, x, weights, tiles));
        Ok(())
    })
}

fn check_jobs(jobs: &[(&mut [f32], Int2<'_>)], columns: usize, count: usize) -> Outcome<()> {
    for (out, weights) in jobs {
        check::length("columns of int2.g64.r16", weights.columns, columns)?;
        check::length("out of matmul_int2", out.len(), check::product("out of matmul_int2", count, weights.rows)?)?;
    }
    Ok(())
}

/// Run `part` over the row tiles of all jobs; `work` is the cost of one row.
fn over_tiles(
    jobs: &mut [(&mut [f32], Int2<'_>)],
    work: usize,
    part: impl Fn(&Shared<'_>, &Int2<'_>, Range<usize>) -> Outcome<()> + Sync + Send,
) -> Outcome<()> {
    let shared: Vec<_> = jobs.iter_mut().map(|(out, weights)| (Shared::new(out), *weights)).collect();
    let tiles: usize = shared.iter().map(|(_, weights)| weights.rows / LANES).sum();
    split(tiles, tiles.saturating_mul(LANES).saturating_mul(work), |range| {
        let mut first = 0;
        for (out, weights) in &shared {
            let count = weights.rows / LANES;
            let from = range.start.clamp(first, first + count) - first;
            let to = range.end.clamp(first, first + count) - first;
            part(out, weights, from..to)?;
            first += count;
        }
        Ok(())
    })
}
