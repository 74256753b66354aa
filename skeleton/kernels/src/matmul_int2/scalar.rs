//! The truth of the INT2 products.
use super::{GROUP, GROUP_BYTES, Int2, Quantised};
use crate::lanes::LANES;
use crate::parallel::Shared;
use half::f16;
use std::ops::Range;

/// The code of input `k` of a group for row `lane` of a tile.
#[inline(always)]
fn code(group: &[u8], lane: usize, k: usize) -> u8 {
    let (block, j, i) = (k / 16, k / 4 % 4, k % 4);
    group[block * 64 + 4 * lane + i] >> (2 * j) & 3
}

#[inline(always)]
fn scale(bits: u16) -> f32 {
    f16::from_bits(bits).to_f32()
}

#[inline(always)]
pub(super) fn product(out: &Shared<'_>, x: Quantised<'_>, weights: &Int2<'_>, tiles: Range<usize>) {
    for tile in tiles {
        let (bytes, scales) = (weights.tile_bytes(tile), weights.tile_scales(tile));
        for (m, codes) in x.codes.chunks_exact(weights.columns).enumerate() {
            let sums = &x.group_sums[m * (weights.columns / GROUP)..];
            let mut total = [0.0f32; LANES];
            let groups = bytes.chunks_exact(GROUP_BYTES).zip(scales.chunks_exact(LANES)).zip(codes.chunks_exact(GROUP));
            for (((bytes, scales), codes), sum) in groups.zip(sums) {
                for lane in 0..LANES {
                    let dot: i32 = (0..GROUP).map(|k| i32::from(code(bytes, lane, k)) * i32::from(codes[k])).sum();
                    let doubled = (2 * dot).wrapping_sub(sum.wrapping_mul(3));
                    total[lane] = (doubled as f32).mul_add(scale(scales[lane]) * 0.5, total[lane]);
                }
            }
            // SAFETY: each row tile belongs to one task.
            let out = unsafe { out.slice(m * weights.rows + tile * LANES, LANES) };
            out.iter_mut().zip(total).for_each(|(out, total)| *out = total * x.scales[m]);
        }
    }
}

#[inline(always)]
pub(super) fn product_f32(out: &Shared<'_>, x: &[f32], weights: &Int2<'_>, tiles: Range<usize>) {
    for tile in tiles {
        let (bytes, scales) = (weights.tile_bytes(tile), weights.tile_scales(tile));
        for (m, x) in x.chunks_exact(weights.columns).enumerate() {
            let mut total = [0.0f32; LANES];
            let groups = bytes.chunks_exact(GROUP_BYTES).zip(scales.chunks_exact(LANES)).zip(x.chunks_exact(GROUP));
            for ((bytes, scales), x) in groups {
                for lane in 0..LANES {
                    total[lane] = group_f32(bytes, lane, x).mul_add(scale(scales[lane]), total[lane]);
                }
            }
            // SAFETY: each row tile belongs to one task.
            unsafe { out.slice(m * weights.rows + tile * LANES, LANES) }.copy_from_slice(&total);
        }
    }
}

/// Σ x (code - 1.5) of one group, in four chains.
#[inline(always)]
fn group_f32(bytes: &[u8], lane: usize, x: &[f32]) -> f32 {
    let mut chains = [0.0f32; 4];
    for (k, x) in x.iter().enumerate() {
        chains[k % 4] = x.mul_add(f32::from(code(bytes, lane, k)) - 1.5, chains[k % 4]);
    }
    (chains[0] + chains[1]) + (chains[2] + chains[3])
}
