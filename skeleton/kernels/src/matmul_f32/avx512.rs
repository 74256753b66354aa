//! The f32 product for AVX-512: tiles of sixteen sums, R weight rows by M activation rows.
use super::{Kind, Matrix};
use crate::aligned::Floats;
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
/// How many bytes ahead weights are fetched: they come from afar, and pages end a fetch by the core.
const AHEAD: usize = 4096;
/// From how many activation rows on weights are turned to f32 in memory first.
const FREED_FROM: usize = 8;
/// Weight rows that are turned to f32 together.
const FREED: usize = 8;

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
    if x.len() >= FREED_FROM * columns {
        return all_freed::<KIND>(out, x, weights, table, size, rows);
    }
    let step = (CACHED / (columns * size)).max(1).next_multiple_of(16);
    for from in rows.clone().step_by(step) {
        let to = rows.end.min(from + step);
        let mut m = 0;
        while m * columns < x.len() {
            let call = Tile { out, x: &x[m * columns..], m, weights, table, size };
            m += match x.len() / columns - m {
                1 => call.rows::<KIND, 16, 1>(from, to),
                2 | 3 => call.rows::<KIND, 8, 2>(from, to),
                _ => call.rows::<KIND, 4, 4>(from, to),
            };
        }
    }
}

/// As `all`, for many activations: some rows of weights at a time become f32 and stay near while all activations pass by.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,fma,f16c")]
fn all_freed<const KIND: u8>(
    out: &Shared<'_>,
    x: &[f32],
    weights: Matrix<'_>,
    table: *const u8,
    size: usize,
    rows: Range<usize>,
) {
    let (columns, stride) = (weights.columns, weights.columns.next_multiple_of(LANES));
    let mut freed = Floats::zeros(FREED * stride);
    for row in rows.clone().step_by(FREED) {
        let live = FREED.min(rows.end - row);
        for r in 0..live {
            for k in (0..columns).step_by(LANES) {
                let mask = u16::MAX >> (LANES - (columns - k).min(LANES));
                // SAFETY: row + r is a row of the table, from which the mask takes what lies from k on; `freed` is padded.
                unsafe {
                    let number = load::<KIND>(table.add(((row + r) * columns + k) * size), mask);
                    _mm512_storeu_ps(freed.as_mut_ptr().add(r * stride + k), number);
                }
            }
        }
        let mut scales = [1.0; FREED];
        if let Kind::I8(_, bits) = weights.kind {
            scales.iter_mut().zip(&bits[row..row + live]).for_each(|(s, &b)| *s = f16::from_bits(b).to_f32());
        }
        let call = Freed { out, x, columns, of: weights.rows, row, live, freed: &freed, stride, scales };
        call.all();
    }
}

/// Up to `FREED` rows of weights as f32, from `row` of `of` on, and all activations.
struct Freed<'a> {
    out: &'a Shared<'a>,
    x: &'a [f32],
    columns: usize,
    of: usize,
    row: usize,
    live: usize,
    freed: &'a [f32],
    stride: usize,
    scales: [f32; FREED],
}

impl Freed<'_> {
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,fma,f16c")]
    #[inline]
    fn all(&self) {
        let count = self.x.len() / self.columns;
        let mut m = 0;
        while m < count {
            m += match count - m {
                1 => self.rows::<8, 1>(m),
                2 | 3 => self.rows::<8, 2>(m),
                _ => self.rows::<4, 4>(m),
            };
        }
    }

    /// All weights for M activations from `m` on, R at a time; returns M.
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,fma,f16c")]
    #[inline]
    fn rows<const R: usize, const M: usize>(&self, m: usize) -> usize {
        for first in (0..self.live).step_by(R) {
            let live = R.min(self.live - first);
            let mut sums = [0.0; LANES];
            // SAFETY: sixteen places.
            unsafe { _mm512_storeu_ps(sums.as_mut_ptr(), fold16(self.sums::<R, M>(m, first))) };
            for i in 0..M {
                // SAFETY: each range of rows belongs to one task.
                let out = unsafe { self.out.slice((m + i) * self.of + self.row + first, live) };
                for r in 0..live {
                    out[r] = sums[i * R + r] * self.scales[first + r];
                }
            }
        }
        M
    }

    /// The lanes of R rows of weights from `first` on by M activations from `m` on, activation after activation.
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,fma,f16c")]
    #[inline]
    fn sums<const R: usize, const M: usize>(&self, m: usize, first: usize) -> [__m512; LANES] {
        let x = &self.x[m * self.columns..(m + M) * self.columns];
        let w = &self.freed[first * self.stride..(first + R) * self.stride];
        let mut lanes = [_mm512_setzero_ps(); LANES];
        let whole = self.columns / LANES * LANES;
        for k in (0..whole).step_by(LANES) {
            // SAFETY: k + 16 <= columns <= stride, of M and R rows.
            unsafe {
                step::<R, M>(&mut lanes, x.as_ptr().add(k), self.columns, w.as_ptr().add(k), self.stride, u16::MAX)
            };
        }
        if whole < self.columns {
            let mask = u16::MAX >> (LANES - (self.columns - whole));
            // SAFETY: the mask leaves what a row of activations has from `whole` on; weights are padded.
            unsafe {
                step::<R, M>(&mut lanes, x.as_ptr().add(whole), self.columns, w.as_ptr().add(whole), self.stride, mask);
            }
        }
        lanes
    }
}

/// Sixteen inputs of R rows of weights, `stride` apart, by M rows of activations, `columns` apart.
///
/// # Safety
/// Each row of weights has sixteen places, each row of activations as many as the mask has bits.
#[target_feature(enable = "avx512f,fma")]
#[inline]
unsafe fn step<const R: usize, const M: usize>(
    lanes: &mut [__m512; LANES],
    x: *const f32,
    columns: usize,
    w: *const f32,
    stride: usize,
    mask: __mmask16,
) {
    let mut weights = [_mm512_setzero_ps(); R];
    for r in 0..R {
        // SAFETY: by the caller's contract.
        weights[r] = unsafe { _mm512_loadu_ps(w.add(r * stride)) };
    }
    for i in 0..M {
        // SAFETY: by the caller's contract.
        let x = unsafe { _mm512_maskz_loadu_ps(mask, x.add(i * columns)) };
        for r in 0..R {
            lanes[i * R + r] = _mm512_fmadd_ps(x, weights[r], lanes[i * R + r]);
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
        let mut at = [self.table; R];
        for r in 0..R {
            // SAFETY: row + live - 1 is a row of the table.
            at[r] = unsafe { self.table.add((row + r.min(live - 1)) * columns * self.size) };
        }
        let x = self.x[..M * columns].as_ptr();
        let mut lanes = [_mm512_setzero_ps(); LANES];
        for k in (0..columns).step_by(LANES) {
            let mask = u16::MAX >> (LANES - (columns - k).min(LANES));
            let mut w = [_mm512_setzero_ps(); R];
            for r in 0..R {
                // SAFETY: lanes outside of the mask lie beyond the row and are not read.
                w[r] = unsafe { load::<KIND>(at[r].add(k * self.size), mask) };
            }
            for m in 0..M {
                // SAFETY: as above.
                let x = unsafe { _mm512_maskz_loadu_ps(mask, x.add(m * columns + k)) };
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
    // SAFETY: by the caller's contract; masked loads touch nothing outside of the mask. A fetch ahead may name any address.
    unsafe {
        _mm_prefetch::<_MM_HINT_T1>(from.wrapping_add(AHEAD).cast());
        match KIND {
            F32 => _mm512_maskz_loadu_ps(mask, from.cast()),
            F16 => _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(mask, from.cast())),
            _ => _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_maskz_loadu_epi8(mask, from.cast()))),
        }
    }
}
