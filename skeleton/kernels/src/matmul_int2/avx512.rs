//! The INT2 products for AVX-512 VNNI: sixteen rows of weights are the sixteen lanes of a register.
use super::{GROUP, GROUP_BYTES, Int2, Quantised};
use crate::lanes::LANES;
use crate::parallel::Shared;
use std::arch::x86_64::*;
use std::ops::Range;

/// Blocks of 16 inputs in a group.
const BLOCKS: usize = GROUP / 16;

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,f16c")]
pub(super) fn product(out: &Shared<'_>, x: Quantised<'_>, weights: &Int2<'_>, tiles: Range<usize>) {
    let starts: Vec<i32> = x.group_sums.iter().map(|sum| sum.wrapping_mul(-3)).collect();
    for tile in tiles {
        let mut m = 0;
        while m < x.scales.len() {
            m += match x.scales.len() - m {
                1 => rows::<1>(out, x, &starts, weights, tile, m),
                2 => rows::<2>(out, x, &starts, weights, tile, m),
                3 => rows::<3>(out, x, &starts, weights, tile, m),
                4 => rows::<4>(out, x, &starts, weights, tile, m),
                5 => rows::<5>(out, x, &starts, weights, tile, m),
                6 => rows::<6>(out, x, &starts, weights, tile, m),
                7 => rows::<7>(out, x, &starts, weights, tile, m),
                _ => rows::<8>(out, x, &starts, weights, tile, m),
            };
        }
    }
}

/// One row tile for activation rows m .. m + M; returns M.
///
/// Codes are freed doubled, so that with -3 Σ a as the start an integer sum is exactly twice that of the levels.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,f16c")]
#[inline]
fn rows<const M: usize>(
    out: &Shared<'_>,
    x: Quantised<'_>,
    starts: &[i32],
    weights: &Int2<'_>,
    tile: usize,
    m: usize,
) -> usize {
    let (columns, groups) = (weights.columns, weights.columns / GROUP);
    let (bytes, scales) = (weights.tile_bytes(tile), weights.tile_scales(tile));
    let codes: [&[i8]; M] = std::array::from_fn(|i| &x.codes[(m + i) * columns..][..columns]);
    let starts: [&[i32]; M] = std::array::from_fn(|i| &starts[(m + i) * groups..][..groups]);
    let mut total = [_mm512_setzero_ps(); M];
    for g in 0..groups {
        let mut sums = [[_mm512_setzero_si512(); 4]; M];
        for i in 0..M {
            sums[i][0] = _mm512_set1_epi32(starts[i][g]);
        }
        for block in 0..BLOCKS {
            let at = g * GROUP_BYTES + block * 64;
            // SAFETY: `tile_bytes` has GROUP_BYTES for each group; at + 64 lies inside.
            let packed = unsafe { _mm512_loadu_si512(bytes.as_ptr().add(at).cast()) };
            for (j, doubled) in doubled_codes(packed).into_iter().enumerate() {
                let input = g * GROUP + block * 16 + 4 * j;
                for i in 0..M {
                    // SAFETY: input + 4 <= columns, the length of each row of codes.
                    let four = unsafe { codes[i].as_ptr().add(input).cast::<i32>().read_unaligned() };
                    let chain = j % const { chains(M) };
                    sums[i][chain] = _mm512_dpbusd_epi32(sums[i][chain], doubled, _mm512_set1_epi32(four));
                }
            }
        }
        let scale = _mm512_mul_ps(group_scales(scales, g), _mm512_set1_ps(0.5));
        for i in 0..M {
            let sum = sums[i].into_iter().take(const { chains(M) }).reduce(|a, b| _mm512_add_epi32(a, b));
            let sum = sum.unwrap_or(_mm512_setzero_si512());
            total[i] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(sum), scale, total[i]);
        }
    }
    for (i, total) in total.into_iter().enumerate() {
        let scaled = _mm512_mul_ps(total, _mm512_set1_ps(x.scales[m + i]));
        store(out, (m + i) * weights.rows + tile * LANES, scaled);
    }
    M
}

/// Integer sums kept apart for one activation row, so that few rows do not wait for one register; their order is free.
const fn chains(rows: usize) -> usize {
    match rows {
        1 => 4,
        2 | 3 => 2,
        _ => 1,
    }
}

/// The four operands of a block, each code times two: inputs 4 j .. 4 j + 3 of sixteen rows.
#[target_feature(enable = "avx512f,avx512bw")]
#[inline]
fn doubled_codes(packed: __m512i) -> [__m512i; 4] {
    let mask = _mm512_set1_epi8(6);
    [
        _mm512_and_si512(_mm512_add_epi8(packed, packed), mask),
        _mm512_and_si512(_mm512_srli_epi16::<1>(packed), mask),
        _mm512_and_si512(_mm512_srli_epi16::<3>(packed), mask),
        _mm512_and_si512(_mm512_srli_epi16::<5>(packed), mask),
    ]
}

/// The sixteen scales of group `g` of a tile.
#[target_feature(enable = "avx512f,f16c")]
#[inline]
fn group_scales(scales: &[u16], g: usize) -> __m512 {
    let sixteen = &scales[g * LANES..][..LANES];
    // SAFETY: sixteen u16 are the 32 bytes that are read.
    _mm512_cvtph_ps(unsafe { _mm256_loadu_si256(sixteen.as_ptr().cast()) })
}

#[target_feature(enable = "avx512f")]
#[inline]
fn store(out: &Shared<'_>, at: usize, lanes: __m512) {
    // SAFETY: each row tile belongs to one task, and the slice has sixteen places.
    unsafe { _mm512_storeu_ps(out.slice(at, LANES).as_mut_ptr(), lanes) };
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,f16c")]
pub(super) fn product_f32(out: &Shared<'_>, x: &[f32], weights: &Int2<'_>, tiles: Range<usize>) {
    let count = x.len() / weights.columns;
    for tile in tiles {
        let mut m = 0;
        while m < count {
            m += match count - m {
                1 => rows_f32::<1>(out, x, weights, tile, m),
                2 | 3 => rows_f32::<2>(out, x, weights, tile, m),
                _ => rows_f32::<4>(out, x, weights, tile, m),
            };
        }
    }
}

/// One row tile for activation rows m .. m + M in f32, four chains a group; returns M.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,f16c")]
#[inline]
fn rows_f32<const M: usize>(out: &Shared<'_>, x: &[f32], weights: &Int2<'_>, tile: usize, m: usize) -> usize {
    let columns = weights.columns;
    let (bytes, scales) = (weights.tile_bytes(tile), weights.tile_scales(tile));
    let x: [&[f32]; M] = std::array::from_fn(|i| &x[(m + i) * columns..][..columns]);
    let mut total = [_mm512_setzero_ps(); M];
    for g in 0..columns / GROUP {
        let mut chains = [[_mm512_setzero_ps(); 4]; M];
        for block in 0..BLOCKS {
            let at = g * GROUP_BYTES + block * 64;
            // SAFETY: `tile_bytes` has GROUP_BYTES for each group; at + 64 lies inside.
            let packed = unsafe { _mm512_loadu_si512(bytes.as_ptr().add(at).cast()) };
            for k in 0..16 {
                let level = level(packed, k);
                for i in 0..M {
                    // SAFETY: the index is below columns, the length of each row.
                    let one = unsafe { *x[i].get_unchecked(g * GROUP + block * 16 + k) };
                    chains[i][k % 4] = _mm512_fmadd_ps(_mm512_set1_ps(one), level, chains[i][k % 4]);
                }
            }
        }
        let scale = group_scales(scales, g);
        for i in 0..M {
            let [a, b, c, d] = chains[i];
            let sum = _mm512_add_ps(_mm512_add_ps(a, b), _mm512_add_ps(c, d));
            total[i] = _mm512_fmadd_ps(sum, scale, total[i]);
        }
    }
    for (i, total) in total.into_iter().enumerate() {
        store(out, (m + i) * weights.rows + tile * LANES, total);
    }
    M
}

/// code - 1.5 of input `k` of a block for sixteen rows: the permutation reads the two lowest bits of each word.
#[target_feature(enable = "avx512f")]
#[inline]
fn level(packed: __m512i, k: usize) -> __m512 {
    let table = _mm512_set4_ps(1.5, 0.5, -0.5, -1.5);
    let shift = _mm_cvtsi32_si128((8 * (k % 4) + 2 * (k / 4)) as i32);
    _mm512_permutevar_ps(table, _mm512_srl_epi32(packed, shift))
}
