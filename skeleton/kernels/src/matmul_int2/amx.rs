//! The INT2 x INT8 product on the tile unit: one group of inputs of sixteen weight rows by sixteen activation rows at a
//! time. The integer sums are exact, and are scaled and added in the order of the truth. No f32 activations.
use super::avx512::{AHEAD, group_scales, store};
use super::{GROUP, GROUP_BYTES, Int2, Quantised};
use crate::amx::{ROWS, Tiles};
use crate::lanes::LANES;
use crate::parallel::Shared;
use std::arch::asm;
use std::arch::x86_64::*;
use std::ops::Range;

/// From how many activation rows on tiles are faster than `vpdpbusd`.
pub(super) const FEWEST_ROWS: usize = 9;
/// Bytes of one tile.
const TILE: usize = ROWS * 64;

/// A tile in memory.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Bytes([u8; TILE]);

/// The weights of sixteen rows, freed: for each group a tile of levels times two, and sixteen halved scales.
struct Freed {
    levels: Vec<Bytes>,
    scales: Vec<[f32; LANES]>,
}

/// As `avx512::product`; call only when `amx::available`.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,f16c")]
pub(super) fn product(out: &Shared<'_>, x: Quantised<'_>, weights: &Int2<'_>, tiles: Range<usize>) {
    let groups = weights.columns / GROUP;
    let mut freed = Freed { levels: vec![Bytes([0; TILE]); groups], scales: vec![[0.0; LANES]; groups] };
    let count = x.scales.len();
    // SAFETY: tiles are available by the caller's contract; all are full.
    let _shaped = unsafe { Tiles::shape([ROWS as u8; 8]) };
    // Rows that do not fill a tile are filled up with zeros.
    let mut rest = x.codes[count / ROWS * ROWS * weights.columns..].to_vec();
    rest.resize(ROWS * weights.columns, 0);
    let mut sums = [Bytes([0; TILE]); 2];
    for tile in tiles {
        free(&mut freed, weights, tile);
        for first in (0..count).step_by(ROWS) {
            let live = ROWS.min(count - first);
            let codes = if live < ROWS { &rest[..] } else { &x.codes[first * weights.columns..] };
            let total = block(&freed, &codes[..ROWS * weights.columns], &mut sums);
            for i in 0..live {
                let scaled = _mm512_mul_ps(total[i], _mm512_set1_ps(x.scales[first + i]));
                store(out, (first + i) * weights.rows + tile * LANES, scaled);
            }
        }
    }
}

/// One group in tiles of its own, numbers three of them: sums of `$sums`, from activations `$codes` and weights `$levels`.
macro_rules! dots {
    ($sums:literal, $codes:literal, $levels:literal, $from:expr, $stride:expr, $freed:expr, $to:expr) => {
        // SAFETY: tiles are shaped as in `product`; sixteen rows of 64 bytes are read twice and written once.
        unsafe {
            asm!(concat!("tilezero ", $sums),
                 concat!("tileloadd ", $codes, ", [{from} + {stride}]"),
                 concat!("tileloadd ", $levels, ", [{freed} + {line}]"),
                 concat!("tdpbssd ", $sums, ", ", $codes, ", ", $levels),
                 concat!("tilestored [{to} + {line}], ", $sums),
                 from = in(reg) $from, stride = in(reg) $stride, freed = in(reg) $freed, to = in(reg) $to,
                 line = in(reg) 64usize, options(nostack));
        }
    };
}

/// Sums over all groups for sixteen rows of codes.
///
/// The tile unit works on a group while the vector units add the one before it; neighbours take different tiles.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,f16c")]
#[inline]
fn block(freed: &Freed, codes: &[i8], sums: &mut [Bytes; 2]) -> [__m512; ROWS] {
    let columns = codes.len() / ROWS;
    let groups = columns / GROUP;
    let [even, odd] = sums;
    let mut total = [_mm512_setzero_ps(); ROWS];
    let (from, levels) = (codes.as_ptr(), freed.levels.as_ptr());
    dots!("tmm0", "tmm1", "tmm2", from, columns, levels, even.0.as_mut_ptr());
    for g in (0..groups).step_by(2) {
        if g + 1 < groups {
            let (from, levels) = (from.wrapping_add((g + 1) * GROUP), levels.wrapping_add(g + 1));
            dots!("tmm3", "tmm4", "tmm5", from, columns, levels, odd.0.as_mut_ptr());
        }
        add(&mut total, even, &freed.scales[g]);
        if g + 2 < groups {
            let (from, levels) = (from.wrapping_add((g + 2) * GROUP), levels.wrapping_add(g + 2));
            dots!("tmm0", "tmm1", "tmm2", from, columns, levels, even.0.as_mut_ptr());
        }
        if g + 1 < groups {
            add(&mut total, odd, &freed.scales[g + 1]);
        }
    }
    total
}

/// total += sums x scales, row by row.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,f16c")]
#[inline]
fn add(total: &mut [__m512; ROWS], sums: &Bytes, scales: &[f32; LANES]) {
    // SAFETY: sixteen places.
    let scales = unsafe { _mm512_loadu_ps(scales.as_ptr()) };
    for i in 0..ROWS {
        // SAFETY: a tile has sixteen rows of 64 bytes.
        let sum = unsafe { _mm512_load_si512(sums.0.as_ptr().add(i * 64).cast()) };
        total[i] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(sum), scales, total[i]);
    }
}

/// Free a row tile. Inputs 4 j .. 4 j + 3 of sixteen rows, byte by byte, are exactly one row of the weights' tile.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,f16c")]
#[inline]
fn free(freed: &mut Freed, weights: &Int2<'_>, tile: usize) {
    let (bytes, scales) = (weights.tile_bytes(tile), weights.tile_scales(tile));
    // Twice the level by the two lower, and by the two upper bits of a half byte.
    let lower = _mm512_broadcast_i32x4(_mm_setr_epi8(-3, -1, 1, 3, -3, -1, 1, 3, -3, -1, 1, 3, -3, -1, 1, 3));
    let upper = _mm512_broadcast_i32x4(_mm_setr_epi8(-3, -3, -3, -3, -1, -1, -1, -1, 1, 1, 1, 1, 3, 3, 3, 3));
    let mask = _mm512_set1_epi8(15);
    let half = _mm512_set1_ps(0.5);
    for g in 0..weights.columns / GROUP {
        let to = freed.levels[g].0.as_mut_ptr();
        for block in 0..GROUP / 16 {
            // SAFETY: `tile_bytes` has GROUP_BYTES for each group, four blocks of 64; a fetch ahead may name any address.
            let packed = unsafe {
                let from = bytes.as_ptr().add(g * GROUP_BYTES + block * 64);
                _mm_prefetch::<_MM_HINT_T0>(from.wrapping_add(AHEAD).cast());
                _mm512_loadu_si512(from.cast())
            };
            let low = _mm512_and_si512(packed, mask);
            let high = _mm512_and_si512(_mm512_srli_epi16::<4>(packed), mask);
            // SAFETY: four rows of 64 bytes from block * 256 on lie in the tile.
            unsafe {
                let to = to.add(block * 256);
                _mm512_store_si512(to.cast(), _mm512_shuffle_epi8(lower, low));
                _mm512_store_si512(to.add(64).cast(), _mm512_shuffle_epi8(upper, low));
                _mm512_store_si512(to.add(128).cast(), _mm512_shuffle_epi8(lower, high));
                _mm512_store_si512(to.add(192).cast(), _mm512_shuffle_epi8(upper, high));
            }
        }
        // SAFETY: sixteen places.
        unsafe { _mm512_storeu_ps(freed.scales[g].as_mut_ptr(), _mm512_mul_ps(group_scales(scales, g), half)) };
    }
}
