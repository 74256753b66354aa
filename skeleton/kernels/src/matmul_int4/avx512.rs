//! The INT4 products for AVX-512 VNNI: the 64 codes of a group are one register, inputs in order.
use super::{GROUP, Int4};
use crate::lanes::LANES;
use crate::lanes512::fold16;
use crate::parallel::Shared;
use half::f16;
use std::arch::x86_64::*;
use std::ops::Range;

/// Sixteen sums at once: R weight rows by M activation rows.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,f16c")]
pub(super) fn product(out: &Shared<'_>, codes: &[i8], act_scales: &[f32], weights: &Int4<'_>, rows: Range<usize>) {
    let starts = starts(codes);
    let mut m = 0;
    while m < act_scales.len() {
        let call = Tile { codes, act_scales, starts: &starts, m };
        m += match act_scales.len() - m {
            1 => call.rows::<16, 1>(out, weights, rows.clone()),
            2 | 3 => call.rows::<8, 2>(out, weights, rows.clone()),
            _ => call.rows::<4, 4>(out, weights, rows.clone()),
        };
    }
}

/// -8 Σ of each four activations: codes are unsigned, 8 above their level. Sixteen for each group.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn starts(codes: &[i8]) -> Vec<[i32; LANES]> {
    let sums = |four: &[i8; 4]| four.iter().map(|&c| -8 * i32::from(c)).sum();
    codes.as_chunks::<4>().0.as_chunks::<LANES>().0.iter().map(|group| group.each_ref().map(sums)).collect()
}

/// What the tiles of one group of activation rows, from row `m` on, have in common.
struct Tile<'a> {
    codes: &'a [i8],
    act_scales: &'a [f32],
    starts: &'a [[i32; LANES]],
    m: usize,
}

impl Tile<'_> {
    /// A range of weight rows for M rows of activations, R at a time; returns M.
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,f16c")]
    #[inline]
    fn rows<const R: usize, const M: usize>(&self, out: &Shared<'_>, weights: &Int4<'_>, rows: Range<usize>) -> usize {
        for row in rows.clone().step_by(R) {
            let live = R.min(rows.end - row);
            let sums = self.sums::<R, M>(weights, row, live);
            for (i, sums) in sums.chunks_exact(R).enumerate() {
                // SAFETY: each range of rows belongs to one task.
                let out = unsafe { out.slice((self.m + i) * weights.rows + row, live) };
                out.iter_mut().zip(sums).for_each(|(out, sum)| *out = sum * self.act_scales[self.m + i]);
            }
        }
        M
    }

    /// The sums of R rows (the last repeated beyond `live`) by M activations, activation after activation.
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,f16c")]
    #[inline]
    fn sums<const R: usize, const M: usize>(&self, weights: &Int4<'_>, row: usize, live: usize) -> [f32; LANES] {
        let groups = weights.columns / GROUP;
        let mut lanes = [_mm512_setzero_ps(); LANES];
        for g in 0..groups {
            for r in 0..R {
                let index = (row + r.min(live - 1)) * groups + g;
                let freed = freed(&weights.packed[index * GROUP / 2..]);
                let scale = _mm512_set1_ps(f16::from_bits(weights.scales[index]).to_f32());
                for i in 0..M {
                    let group = (self.m + i) * groups + g;
                    let x = &self.codes[group * GROUP..][..GROUP];
                    // SAFETY: sixteen starts, and 64 codes by the slice above.
                    let (start, x) = unsafe {
                        (_mm512_loadu_si512(self.starts[group].as_ptr().cast()), _mm512_loadu_si512(x.as_ptr().cast()))
                    };
                    let sums = _mm512_cvtepi32_ps(_mm512_dpbusd_epi32(start, freed, x));
                    lanes[i * R + r] = _mm512_fmadd_ps(sums, scale, lanes[i * R + r]);
                }
            }
        }
        let mut sums = [0.0; LANES];
        // SAFETY: sixteen places.
        unsafe { _mm512_storeu_ps(sums.as_mut_ptr(), fold16(lanes)) };
        sums
    }
}

/// The 64 codes of a group, one a byte, in the order of inputs.
#[target_feature(enable = "avx512f,avx512bw,avx512dq")]
#[inline]
fn freed(bytes: &[u8]) -> __m512i {
    // SAFETY: the slice has the 32 bytes of a group.
    let packed = unsafe { _mm256_loadu_si256(bytes[..GROUP / 2].as_ptr().cast()) };
    let both = _mm512_inserti64x4::<1>(_mm512_castsi256_si512(packed), _mm256_srli_epi16::<4>(packed));
    _mm512_and_si512(both, _mm512_set1_epi8(15))
}

/// One weight row at a time; its four registers of levels serve every activation row.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,f16c")]
pub(super) fn product_f32(out: &Shared<'_>, x: &[f32], weights: &Int4<'_>, rows: Range<usize>) {
    let (columns, groups) = (weights.columns, weights.columns / GROUP);
    for row in rows {
        for (m, x) in x.chunks_exact(columns).enumerate() {
            let mut total = _mm512_setzero_ps();
            for (g, x) in x.as_chunks::<GROUP>().0.iter().enumerate() {
                let freed = freed(&weights.packed[(row * groups + g) * GROUP / 2..]);
                let scale = f16::from_bits(weights.scales[row * groups + g]).to_f32();
                total = _mm512_fmadd_ps(group_f32(freed, x), _mm512_set1_ps(scale), total);
            }
            let mut sums = [_mm512_setzero_ps(); LANES];
            sums[0] = total;
            // SAFETY: each range of rows belongs to one task.
            let out = unsafe { out.slice(m * weights.rows + row, 1) };
            out[0] = _mm512_cvtss_f32(fold16(sums));
        }
    }
}

/// Σ x (code - 8) of one group, input k in lane k mod 16.
#[target_feature(enable = "avx512f,avx512bw,avx512dq")]
#[inline]
fn group_f32(freed: __m512i, x: &[f32; GROUP]) -> __m512 {
    let levels = _mm512_sub_epi8(freed, _mm512_set1_epi8(8));
    let parts = [
        _mm512_castsi512_si128(levels),
        _mm512_extracti32x4_epi32::<1>(levels),
        _mm512_extracti32x4_epi32::<2>(levels),
        _mm512_extracti32x4_epi32::<3>(levels),
    ];
    let mut sum = _mm512_setzero_ps();
    for (part, x) in parts.into_iter().zip(x.as_chunks::<LANES>().0) {
        // SAFETY: sixteen places.
        let x = unsafe { _mm512_loadu_ps(x.as_ptr()) };
        sum = _mm512_fmadd_ps(x, _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(part)), sum);
    }
    sum
}
