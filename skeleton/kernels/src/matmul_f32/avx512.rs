//! The f32 product for AVX-512: tiles of sixteen sums, R weight rows by M activation rows.
use super::{Kind, Matrix};
use crate::lanes::LANES;
use crate::lanes512::fold16;
use crate::parallel::Shared;
use half::f16;
use std::arch::x86_64::*;
use std::ops::Range;

const F32: u8 = 0;
const F16: u8 = 1;
const I8: u8 = 2;
/// Bytes of weights that stay in the first cache while the activations pass by.
const CACHED: usize = 16 << 10;

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,fma,f16c")]
pub(super) fn product(out: &Shared<'_>, x: &[f32], weights: Matrix<'_>, rows: Range<usize>) {
    match weights.kind {
        Kind::F32(table) => all::<F32>(out, x, weights, table.as_ptr().cast(), 4, rows),
        Kind::F16(table) => all::<F16>(out, x, weights, table.as_ptr().cast(), 2, rows),
        Kind::I8(table, _) => all::<I8>(out, x, weights, table.as_ptr().cast(), 1, rows),
    }
}

/// All tiles of a range of rows; `table` has rows x columns elements of `size` bytes (checked by the doors).
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,fma,f16c")]
fn all<const KIND: u8>(
    out: &Shared<'_>,
    x: &[f32],
    weights: Matrix<'_>,
    table: *const u8,
    size: usize,
    rows: Range<usize>,
) {
    let columns = weights.columns;
    let step = (CACHED / (columns * size)).max(1).next_multiple_of(16);
    for from in rows.clone().step_by(step) {
        let to = rows.end.min(from + step);
        let mut m = 0;
        while m * columns < x.len() {
            let call = Tile { out, x: &x[m * columns..], m, weights, table, size };
            m += match x.len() / columns - m {
                1 => call.rows::<KIND, 16, 1>(from, to),
                2 | 3 => call.rows::<KIND, 8, 2>(from, to),
                4..8 => call.rows::<KIND, 4, 4>(from, to),
                _ => call.rows::<KIND, 2, 8>(from, to),
            };
        }
    }
}

/// What the tiles of one group of activation rows have in common; `x` begins with row `m`.
struct Tile<'a> {
    out: &'a Shared<'a>,
    x: &'a [f32],
    m: usize,
    weights: Matrix<'a>,
    table: *const u8,
    size: usize,
}

impl Tile<'_> {
    /// Rows from .. to of the weights for M rows of activations, R at a time; returns M.
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,fma,f16c")]
    #[inline]
    fn rows<const KIND: u8, const R: usize, const M: usize>(&self, from: usize, to: usize) -> usize {
        for row in (from..to).step_by(R) {
            let live = R.min(to - row);
            let sums = self.sums::<KIND, R, M>(row, live);
            for (m, sums) in sums.chunks_exact(R).enumerate() {
                // SAFETY: each range of rows belongs to one task.
                let out = unsafe { self.out.slice((self.m + m) * self.weights.rows + row, live) };
                out.copy_from_slice(&sums[..live]);
                if let Kind::I8(_, scales) = self.weights.kind {
                    out.iter_mut().zip(&scales[row..]).for_each(|(out, &s)| *out *= f16::from_bits(s).to_f32());
                }
            }
        }
        M
    }

    /// The sums of R rows (the last repeated beyond `live`) by M activations, activation after activation.
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,fma,f16c")]
    #[inline]
    fn sums<const KIND: u8, const R: usize, const M: usize>(&self, row: usize, live: usize) -> [f32; LANES] {
        let columns = self.weights.columns;
        // SAFETY: row + live - 1 is a row of the table.
        let at: [*const u8; R] =
            std::array::from_fn(|r| unsafe { self.table.add((row + r.min(live - 1)) * columns * self.size) });
        let x: [*const f32; M] = std::array::from_fn(|m| self.x[m * columns..][..columns].as_ptr());
        let mut lanes = [_mm512_setzero_ps(); LANES];
        for k in (0..columns).step_by(LANES) {
            let mask = u16::MAX >> (LANES - (columns - k).min(LANES));
            // SAFETY: lanes outside of the mask lie beyond the row and are not read.
            let w: [__m512; R] = std::array::from_fn(|r| unsafe { load::<KIND>(at[r].add(k * self.size), mask) });
            for m in 0..M {
                // SAFETY: as above.
                let x = unsafe { _mm512_maskz_loadu_ps(mask, x[m].add(k)) };
                for r in 0..R {
                    lanes[m * R + r] = _mm512_fmadd_ps(x, w[r], lanes[m * R + r]);
                }
            }
        }
        let mut sums = [0.0; LANES];
        // SAFETY: sixteen places.
        unsafe { _mm512_storeu_ps(sums.as_mut_ptr(), fold16(lanes)) };
        sums
    }
}

/// Up to sixteen weights as f32, exactly; zero outside of the mask.
///
/// # Safety
/// `from` points at as many weights of the kind as the mask has bits.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,f16c")]
#[inline]
unsafe fn load<const KIND: u8>(from: *const u8, mask: __mmask16) -> __m512 {
    // SAFETY: by the caller's contract; masked loads touch nothing outside of the mask.
    unsafe {
        match KIND {
            F32 => _mm512_maskz_loadu_ps(mask, from.cast()),
            F16 => _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(mask, from.cast())),
            _ => _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_maskz_loadu_epi8(mask, from.cast()))),
        }
    }
}
