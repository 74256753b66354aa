//! The truth of the INT2 products.
use super::{CHUNK, GROUP, GROUP_BYTES, Int2, Quantised};
use crate::lanes::{LANES, Lanes};
use crate::parallel::Shared;
use half::f16;
use std::ops::Range;

/// Four bytes of a row tile as one word: the codes of inputs 4 j + i of a block lie at bit 8 i + 2 j.
#[inline(always)]
fn code(block: &[[u8; 4]; LANES], lane: usize, k: usize) -> u32 {
    u32::from_le_bytes(block[lane]) >> (8 * (k % 4) + 2 * (k / 4)) & 3
}

/// The blocks of 16 inputs of a group, four bytes a row.
#[inline(always)]
fn blocks(group: &[u8]) -> &[[[u8; 4]; LANES]] {
    group.as_chunks::<4>().0.as_chunks::<LANES>().0
}

#[inline(always)]
fn scale(bits: u16) -> f32 {
    f16::from_bits(bits).to_f32()
}

/// 1.5 x 2^23: adding and taking it away rounds to the nearest integer, half to even.
const ROUNDER: f32 = 12_582_912.0;

/// The units of sixteen rows: powers of two, 2^-12 of the largest scale's.
#[inline(always)]
pub(super) fn units(scales: &[u16]) -> Lanes {
    // The smallest normal f16, so that a unit is never zero.
    let mut top = [0x0400u16; LANES];
    for scales in scales.chunks_exact(LANES) {
        for lane in 0..LANES {
            top[lane] = top[lane].max(scales[lane] & 0x7fff);
        }
    }
    top.map(|bits| f32::from_bits(scale(bits).to_bits() & 0x7f80_0000) / 4096.0)
}

/// How many units a scale has.
#[inline(always)]
pub(super) fn step(bits: u16, unit: f32) -> i32 {
    let rounded = scale(bits) * (1.0 / unit) + ROUNDER;
    rounded.to_bits().wrapping_sub(ROUNDER.to_bits()) as i32
}

#[inline(always)]
pub(super) fn product(out: &Shared<'_>, x: Quantised<'_>, weights: &Int2<'_>, tiles: Range<usize>) {
    for tile in tiles {
        let (bytes, scales) = (weights.tile_bytes(tile), weights.tile_scales(tile));
        let units = units(scales);
        for (m, codes) in x.codes.chunks_exact(weights.columns).enumerate() {
            let sums = &x.group_sums[m * (weights.columns / GROUP)..];
            let mut total = [0.0f32; LANES];
            let groups = bytes.chunks_exact(GROUP_BYTES).zip(scales.chunks_exact(LANES)).zip(codes.chunks_exact(GROUP));
            let mut whole = [0i32; LANES];
            for (g, (((bytes, scales), codes), sum)) in groups.zip(sums).enumerate() {
                let dots = group_i32(bytes, codes);
                for lane in 0..LANES {
                    let doubled = (2 * dots[lane]).wrapping_sub(sum.wrapping_mul(3));
                    let stepped = doubled.wrapping_mul(step(scales[lane], units[lane]));
                    whole[lane] = whole[lane].wrapping_add(stepped);
                }
                if (g + 1).is_multiple_of(CHUNK) || (g + 1) * GROUP == weights.columns {
                    for lane in 0..LANES {
                        total[lane] += std::mem::take(&mut whole[lane]) as f32;
                    }
                }
            }
            // SAFETY: each row tile belongs to one task.
            let out = unsafe { out.slice(m * weights.rows + tile * LANES, LANES) };
            for lane in 0..LANES {
                out[lane] = total[lane] * (units[lane] * 0.5) * x.scales[m];
            }
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
                let sums = group_f32(bytes, x);
                for lane in 0..LANES {
                    total[lane] = sums[lane].mul_add(scale(scales[lane]), total[lane]);
                }
            }
            // SAFETY: each row tile belongs to one task.
            unsafe { out.slice(m * weights.rows + tile * LANES, LANES) }.copy_from_slice(&total);
        }
    }
}

/// Σ code x activation of one group for sixteen rows.
#[inline(always)]
fn group_i32(bytes: &[u8], codes: &[i8]) -> [i32; LANES] {
    let mut sums = [0; LANES];
    for (block, codes) in blocks(bytes).iter().zip(codes.as_chunks::<16>().0) {
        for (k, &activation) in codes.iter().enumerate() {
            for (lane, sum) in sums.iter_mut().enumerate() {
                *sum += code(block, lane, k) as i32 * i32::from(activation);
            }
        }
    }
    sums
}

/// Σ x (code - 1.5) of one group for sixteen rows, in four chains.
#[inline(always)]
fn group_f32(bytes: &[u8], x: &[f32]) -> Lanes {
    let mut chains = [[0.0f32; LANES]; 4];
    for (block, x) in blocks(bytes).iter().zip(x.as_chunks::<16>().0) {
        for (k, x) in x.iter().enumerate() {
            let chain = &mut chains[k % 4];
            for lane in 0..LANES {
                chain[lane] = x.mul_add(code(block, lane, k) as i32 as f32 - 1.5, chain[lane]);
            }
        }
    }
    std::array::from_fn(|i| (chains[0][i] + chains[1][i]) + (chains[2][i] + chains[3][i]))
}
