//! The INT8 product for AVX-512 VNNI: the activations, moved up by 128, are the unsigned operand; 128 Σ w is taken away.
use super::Int8;
use crate::lanes::LANES;
use crate::parallel::Shared;
use half::f16;
use std::arch::x86_64::*;
use std::ops::Range;

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
pub(super) fn product(out: &Shared<'_>, codes: &[i8], act_scales: &[f32], weights: &Int8<'_>, rows: Range<usize>) {
    let count = act_scales.len();
    for row in rows {
        let mut m = 0;
        while m < count {
            m += match count - m {
                1 => tile::<1>(out, codes, act_scales, weights, row, m),
                2 | 3 => tile::<2>(out, codes, act_scales, weights, row, m),
                4..8 => tile::<4>(out, codes, act_scales, weights, row, m),
                _ => tile::<8>(out, codes, act_scales, weights, row, m),
            };
        }
    }
}

/// One weight row by M activation rows; returns M. Integer sums are exact, so their order is free.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
#[inline]
fn tile<const M: usize>(
    out: &Shared<'_>,
    codes: &[i8],
    act_scales: &[f32],
    weights: &Int8<'_>,
    row: usize,
    m: usize,
) -> usize {
    let columns = weights.columns;
    let table = &weights.codes[row * columns..][..columns];
    let x = &codes[m * columns..(m + M) * columns];
    let (up, ones) = (_mm512_set1_epi8(-128), _mm512_set1_epi8(1));
    let mut sums = [_mm512_setzero_si512(); M];
    let mut weight_sum = _mm512_setzero_si512();
    for k in (0..columns).step_by(4 * LANES) {
        let mask = u64::MAX >> (64 - (columns - k).min(64));
        // SAFETY: lanes outside of the mask lie beyond the row and are not read.
        let w = unsafe { _mm512_maskz_loadu_epi8(mask, table.as_ptr().add(k)) };
        weight_sum = _mm512_dpbusd_epi32(weight_sum, ones, w);
        for i in 0..M {
            // SAFETY: as above.
            let x = unsafe { _mm512_maskz_loadu_epi8(mask, x.as_ptr().add(i * columns + k)) };
            sums[i] = _mm512_dpbusd_epi32(sums[i], _mm512_xor_si512(x, up), w);
        }
    }
    let moved = _mm512_slli_epi32::<7>(weight_sum);
    let scale = f16::from_bits(weights.scales[row]).to_f32();
    for (i, sum) in sums.into_iter().enumerate() {
        let dot = _mm512_reduce_add_epi32(_mm512_sub_epi32(sum, moved));
        // SAFETY: each range of rows belongs to one task.
        let out = unsafe { out.slice((m + i) * weights.rows + row, 1) };
        out[0] = dot as f32 * scale * act_scales[m + i];
    }
    M
}
