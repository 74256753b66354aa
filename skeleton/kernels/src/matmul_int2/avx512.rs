//! The INT2 products for AVX-512 VNNI: sixteen rows of weights are the sixteen lanes of a register.
use super::{CHUNK, GROUP, GROUP_BYTES, Int2, Quantised, amx};
use crate::lanes::LANES;
use crate::parallel::Shared;
use std::arch::x86_64::*;
use std::ops::Range;

/// How far ahead of what is freed packed bytes are fetched: weights come from afar, and pages end a fetch by the core.
pub(super) const AHEAD: usize = 4096;
/// Blocks of 16 inputs in a group.
const BLOCKS: usize = GROUP / 16;

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,f16c")]
pub(super) fn product(out: &Shared<'_>, x: Quantised<'_>, weights: &Int2<'_>, tiles: Range<usize>) {
    if x.scales.len() >= amx::FEWEST_ROWS && crate::amx::available() {
        return amx::product(out, x, weights, tiles);
    }
    by_vectors(out, x, weights, tiles);
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,f16c")]
fn by_vectors(out: &Shared<'_>, x: Quantised<'_>, weights: &Int2<'_>, tiles: Range<usize>) {
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
    let (codes, starts) = (&x.codes[m * columns..(m + M) * columns], &starts[m * groups..(m + M) * groups]);
    let units = Units::of(scales);
    let (mut total, mut whole) = ([_mm512_setzero_ps(); M], [_mm512_setzero_si512(); M]);
    for g in 0..groups {
        let mut sums = [[_mm512_setzero_si512(); 4]; M];
        for i in 0..M {
            sums[i][0] = _mm512_set1_epi32(starts[i * groups + g]);
        }
        for block in 0..BLOCKS {
            let at = g * GROUP_BYTES + block * 64;
            // SAFETY: `tile_bytes` has GROUP_BYTES for each group; at + 64 lies inside. A fetch ahead may name any address.
            let packed = unsafe {
                let from = bytes.as_ptr().add(at);
                _mm_prefetch::<_MM_HINT_T0>(from.wrapping_add(AHEAD).cast());
                _mm512_loadu_si512(from.cast())
            };
            for (j, doubled) in doubled_codes(packed).into_iter().enumerate() {
                let input = g * GROUP + block * 16 + 4 * j;
                for i in 0..M {
                    // SAFETY: input + 4 <= columns, and `codes` has M rows of them.
                    let four = unsafe { codes.as_ptr().add(i * columns + input).cast::<i32>().read_unaligned() };
                    let chain = j % const { chains(M) };
                    sums[i][chain] = _mm512_dpbusd_epi32(sums[i][chain], doubled, _mm512_set1_epi32(four));
                }
            }
        }
        // A sum fits in sixteen bits; the upper half of a word meets a zero.
        let step = _mm512_and_si512(units.steps(scales, g), _mm512_set1_epi32(0xffff));
        for i in 0..M {
            let mut sum = sums[i][0];
            for chain in 1..const { chains(M) } {
                sum = _mm512_add_epi32(sum, sums[i][chain]);
            }
            whole[i] = _mm512_dpwssd_epi32(whole[i], sum, step);
        }
        if (g + 1).is_multiple_of(CHUNK) || g + 1 == groups {
            for i in 0..M {
                total[i] = _mm512_add_ps(total[i], _mm512_cvtepi32_ps(whole[i]));
                whole[i] = _mm512_setzero_si512();
            }
        }
    }
    for (i, total) in total.into_iter().enumerate() {
        let scaled = _mm512_mul_ps(_mm512_mul_ps(total, units.half), _mm512_set1_ps(x.scales[m + i]));
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

/// The units of sixteen rows, as `scalar::units` finds them.
pub(super) struct Units {
    /// One by each unit.
    per_unit: __m512,
    /// Half of each unit, as levels are counted in halves.
    pub half: __m512,
}

impl Units {
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,f16c")]
    #[inline]
    pub(super) fn of(scales: &[u16]) -> Self {
        let mut top = _mm256_set1_epi16(0x0400);
        for sixteen in scales.chunks_exact(LANES) {
            // SAFETY: sixteen u16 are the 32 bytes that are read.
            let bits = unsafe { _mm256_loadu_si256(sixteen.as_ptr().cast()) };
            top = _mm256_max_epi16(top, _mm256_and_si256(bits, _mm256_set1_epi16(0x7fff)));
        }
        let power = _mm512_and_si512(_mm512_castps_si512(_mm512_cvtph_ps(top)), _mm512_set1_epi32(0x7f80_0000));
        let power = _mm512_castsi512_ps(power);
        let unit = _mm512_div_ps(power, _mm512_set1_ps(4096.0));
        Self { per_unit: _mm512_div_ps(_mm512_set1_ps(1.0), unit), half: _mm512_mul_ps(unit, _mm512_set1_ps(0.5)) }
    }

    /// The scales of group `g` in units.
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,f16c")]
    #[inline]
    pub(super) fn steps(&self, scales: &[u16], g: usize) -> __m512i {
        _mm512_cvtps_epi32(_mm512_mul_ps(group_scales(scales, g), self.per_unit))
    }
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
pub(super) fn store(out: &Shared<'_>, at: usize, lanes: __m512) {
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
    let x = &x[m * columns..(m + M) * columns];
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
                    // SAFETY: the index within a row is below columns, and x has M rows.
                    let one = unsafe { *x.get_unchecked(i * columns + g * GROUP + block * 16 + k) };
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::{Level, level};

    #[test]
    fn tiles_and_vectors_give_the_same_bits() {
        if level() != Level::Avx512Vnni || !crate::amx::available() {
            return;
        }
        let (rows, columns) = (48, 192);
        let mixed = |i: usize| (i as u32).wrapping_mul(2_654_435_761) >> 9;
        let bytes: Vec<u8> = (0..rows * columns / 4).map(|i| mixed(i) as u8).collect();
        let scales: Vec<u16> = (0..rows * columns / GROUP).map(|i| 0x2000 + (mixed(i) & 0x3ff) as u16).collect();
        let weights = Int2 { rows, columns, packed: &bytes, scales: &scales };
        for count in 1..=35 {
            let codes: Vec<i8> = (0..count * columns).map(|i| mixed(i + 7) as i8).collect();
            let group_sums: Vec<i32> = codes.chunks(GROUP).map(|g| g.iter().map(|&c| i32::from(c)).sum()).collect();
            let act_scales: Vec<f32> = (0..count).map(|i| 0.01 + i as f32).collect();
            let x = Quantised { codes: &codes, scales: &act_scales, group_sums: &group_sums };
            let (mut by_tiles, mut by_lanes) = (vec![0.0; count * rows], vec![1.0; count * rows]);
            // SAFETY: `level` and `available` found the instructions.
            unsafe {
                amx::product(&Shared::new(&mut by_tiles), x, &weights, 0..rows / LANES);
                by_vectors(&Shared::new(&mut by_lanes), x, &weights, 0..rows / LANES);
            }
            assert!(by_tiles.iter().zip(&by_lanes).all(|(a, b)| a.to_bits() == b.to_bits()), "{count} rows");
        }
    }
}
