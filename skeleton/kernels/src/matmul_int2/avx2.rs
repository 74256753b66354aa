//! The INT2 products for AVX2: a row tile is two registers of eight lanes; no VNNI, so products of bytes are summed
//! in 16 bits first, where a whole group fits.
use super::scalar::{step, units};
use super::{CHUNK, GROUP, GROUP_BYTES, Int2, Quantised};
use crate::cpu::truth_for;
use crate::lanes::LANES;
use crate::parallel::Shared;
use std::arch::x86_64::*;
use std::ops::Range;

truth_for! { avx2:
    fn product_f32(out: &Shared<'_>, x: &[f32], weights: &Int2<'_>, tiles: Range<usize>);
}

#[target_feature(enable = "avx2,fma,f16c")]
pub(super) fn product(out: &Shared<'_>, x: Quantised<'_>, weights: &Int2<'_>, tiles: Range<usize>) {
    for tile in tiles {
        let mut m = 0;
        while m < x.scales.len() {
            m += match x.scales.len() - m {
                1 => rows::<1>(out, x, weights, tile, m),
                2 | 3 => rows::<2>(out, x, weights, tile, m),
                _ => rows::<4>(out, x, weights, tile, m),
            };
        }
    }
}

/// One row tile for activation rows m .. m + M, one half of its lanes after the other; returns M.
#[target_feature(enable = "avx2,fma,f16c")]
#[inline]
fn rows<const M: usize>(out: &Shared<'_>, x: Quantised<'_>, weights: &Int2<'_>, tile: usize, m: usize) -> usize {
    let (columns, groups) = (weights.columns, weights.columns / GROUP);
    let (bytes, scales) = (weights.tile_bytes(tile), weights.tile_scales(tile));
    let units = units(scales);
    let codes: [&[i8]; M] = std::array::from_fn(|i| &x.codes[(m + i) * columns..][..columns]);
    for half in 0..2 {
        let (mut total, mut whole) = ([_mm256_setzero_ps(); M], [_mm256_setzero_si256(); M]);
        for g in 0..groups {
            let sums = group::<M>(&bytes[g * GROUP_BYTES..][..GROUP_BYTES], half, &codes, g * GROUP);
            let mut steps = [0; 8];
            for lane in 0..8 {
                steps[lane] = step(scales[g * LANES + half * 8 + lane], units[half * 8 + lane]);
            }
            // SAFETY: eight places.
            let step = unsafe { _mm256_loadu_si256(steps.as_ptr().cast()) };
            for i in 0..M {
                let start = _mm256_set1_epi32(x.group_sums[(m + i) * groups + g].wrapping_mul(-3));
                let doubled = _mm256_add_epi32(_mm256_add_epi32(sums[i], sums[i]), start);
                whole[i] = _mm256_add_epi32(whole[i], _mm256_mullo_epi32(doubled, step));
                if (g + 1).is_multiple_of(CHUNK) || g + 1 == groups {
                    let chunk = std::mem::replace(&mut whole[i], _mm256_setzero_si256());
                    total[i] = _mm256_add_ps(total[i], _mm256_cvtepi32_ps(chunk));
                }
            }
        }
        // SAFETY: eight places.
        let unit = _mm256_mul_ps(unsafe { _mm256_loadu_ps(units[half * 8..][..8].as_ptr()) }, _mm256_set1_ps(0.5));
        for (i, total) in total.into_iter().enumerate() {
            let at = (m + i) * weights.rows + tile * LANES + half * 8;
            let scaled = _mm256_mul_ps(_mm256_mul_ps(total, unit), _mm256_set1_ps(x.scales[m + i]));
            // SAFETY: each row tile belongs to one task, and the slice has eight places.
            unsafe { _mm256_storeu_ps(out.slice(at, 8).as_mut_ptr(), scaled) };
        }
    }
    M
}

/// Σ code x activation of one group for eight rows. Sixteen sums of two products, each at most 2 x 3 x 128, fit 16 bits.
#[target_feature(enable = "avx2,fma,f16c")]
#[inline]
fn group<const M: usize>(bytes: &[u8], half: usize, codes: &[&[i8]; M], first: usize) -> [__m256i; M] {
    let mask = _mm256_set1_epi8(3);
    let mut sums = [_mm256_setzero_si256(); M];
    for (block, bytes) in bytes.chunks_exact(64).enumerate() {
        // SAFETY: the block has 64 bytes, half is 0 or 1.
        let packed = unsafe { _mm256_loadu_si256(bytes.as_ptr().add(32 * half).cast()) };
        let freed = [
            _mm256_and_si256(packed, mask),
            _mm256_and_si256(_mm256_srli_epi16::<2>(packed), mask),
            _mm256_and_si256(_mm256_srli_epi16::<4>(packed), mask),
            _mm256_and_si256(_mm256_srli_epi16::<6>(packed), mask),
        ];
        for (j, freed) in freed.into_iter().enumerate() {
            for i in 0..M {
                let four = &codes[i][first + block * 16 + 4 * j..][..4];
                let four = i32::from_le_bytes([four[0] as u8, four[1] as u8, four[2] as u8, four[3] as u8]);
                sums[i] = _mm256_add_epi16(sums[i], _mm256_maddubs_epi16(freed, _mm256_set1_epi32(four)));
            }
        }
    }
    sums.map(|sums| _mm256_madd_epi16(sums, _mm256_set1_epi16(1)))
}
