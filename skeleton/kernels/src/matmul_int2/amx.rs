//! The INT2 x INT8 product on the tile unit: levels times steps are whole numbers of 15 bits, two signed bytes each, so the sums
//! over a chunk of groups stay in the tiles and no group is turned to float by itself. No f32 activations.
use super::avx512::{AHEAD, Units, store};
use super::{CHUNK, GROUP, GROUP_BYTES, Int2, Quantised};
use crate::aligned::Floats;
use crate::amx::{Bytes, ROWS, Tiles, dot, load, save, zero};
use crate::lanes::LANES;
use crate::parallel::Shared;
use std::arch::x86_64::*;
use std::ops::Range;

/// From how many activation rows on tiles are faster than `vpdpbusd`.
pub(super) const FEWEST_ROWS: usize = 5;

/// The weights of sixteen rows over a chunk of groups, freed: twice level x step, its upper and its lower byte.
struct Freed {
    upper: [Bytes; CHUNK],
    lower: [Bytes; CHUNK],
}

/// The rows of activations, the last ones filled up with zeros to a whole tile.
struct Activations<'a> {
    x: Quantised<'a>,
    rest: Vec<i8>,
    columns: usize,
}

impl<'a> Activations<'a> {
    fn new(x: Quantised<'a>, columns: usize) -> Self {
        let mut rest = x.codes[x.scales.len() / ROWS * ROWS * columns..].to_vec();
        rest.resize(ROWS * columns, 0);
        Self { x, rest, columns }
    }

    /// Where the codes of sixteen rows from `first` on begin.
    fn codes(&self, first: usize) -> *const i8 {
        if first + ROWS > self.x.scales.len() {
            self.rest.as_ptr()
        } else {
            self.x.codes[first * self.columns..].as_ptr()
        }
    }
}

/// As `avx512::product`; call only when `amx::available`.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,f16c")]
pub(super) fn product(out: &Shared<'_>, x: Quantised<'_>, weights: &Int2<'_>, tiles: Range<usize>) {
    let (count, groups) = (x.scales.len(), weights.columns / GROUP);
    // SAFETY: tiles are available by the caller's contract; all are full.
    let _shaped = unsafe { Tiles::shape([ROWS as u8; 8]) };
    let activations = Activations::new(x, weights.columns);
    let mut freed = Freed { upper: [Bytes::ZERO; CHUNK], lower: [Bytes::ZERO; CHUNK] };
    let mut sums = [Bytes::ZERO; 4];
    let mut totals = Floats::zeros(if groups > CHUNK { count * LANES } else { 0 });
    for tile in tiles {
        let units = Units::of(weights.tile_scales(tile));
        for from in (0..groups).step_by(CHUNK) {
            let chunk = from..groups.min(from + CHUNK);
            free(&mut freed, weights, tile, &units, chunk.clone());
            let mut finish = Finish { out, x, weights, tile, units: &units, totals: &mut totals, chunk: chunk.clone() };
            let mut first = 0;
            while first < count {
                if count - first > ROWS {
                    pair(&freed, &activations, first, &chunk, &mut sums);
                    finish.rows(first, [&sums[0], &sums[1]], None);
                    finish.rows(first + ROWS, [&sums[2], &sums[3]], None);
                    first += 2 * ROWS;
                } else {
                    single(&freed, &activations, first, &chunk, &mut sums);
                    finish.rows(first, [&sums[0], &sums[1]], Some([&sums[2], &sums[3]]));
                    first += ROWS;
                }
            }
        }
    }
}

/// Sums of two times sixteen rows of activations: upper and lower of the first, then of the second.
fn pair(freed: &Freed, activations: &Activations<'_>, first: usize, chunk: &Range<usize>, sums: &mut [Bytes; 4]) {
    let (a, b) = (activations.codes(first), activations.codes(first + ROWS));
    let columns = activations.columns;
    let next = activations.codes(if first + 2 * ROWS >= activations.x.scales.len() { 0 } else { first + 2 * ROWS });
    zero!("tmm0", "tmm1", "tmm2", "tmm3");
    for (i, g) in chunk.clone().enumerate() {
        load!("tmm4", a.wrapping_add(g * GROUP), columns);
        load!("tmm6", freed.upper[i].0.as_ptr(), 64usize);
        load!("tmm7", freed.lower[i].0.as_ptr(), 64usize);
        load!("tmm5", b.wrapping_add(g * GROUP), columns);
        for row in 0..2 * ROWS {
            // SAFETY: a fetch ahead may name any address.
            unsafe { _mm_prefetch::<_MM_HINT_T0>(next.wrapping_add(row * columns + g * GROUP)) };
        }
        dot!("tmm0", "tmm4", "tmm6");
        dot!("tmm1", "tmm4", "tmm7");
        dot!("tmm2", "tmm5", "tmm6");
        dot!("tmm3", "tmm5", "tmm7");
    }
    store_all(sums);
}

/// Sums of sixteen rows of activations: upper and lower of the even groups, then of the odd ones. A tile that waits for itself
/// takes three times as long, so four are kept.
fn single(freed: &Freed, activations: &Activations<'_>, first: usize, chunk: &Range<usize>, sums: &mut [Bytes; 4]) {
    let (a, columns) = (activations.codes(first), activations.columns);
    zero!("tmm0", "tmm1", "tmm2", "tmm3");
    for (i, g) in chunk.clone().enumerate() {
        load!("tmm4", a.wrapping_add(g * GROUP), columns);
        load!("tmm6", freed.upper[i].0.as_ptr(), 64usize);
        load!("tmm7", freed.lower[i].0.as_ptr(), 64usize);
        if i % 2 == 0 {
            dot!("tmm0", "tmm4", "tmm6");
            dot!("tmm1", "tmm4", "tmm7");
        } else {
            dot!("tmm2", "tmm4", "tmm6");
            dot!("tmm3", "tmm4", "tmm7");
        }
    }
    store_all(sums);
}

fn store_all(sums: &mut [Bytes; 4]) {
    save!("tmm0", sums[0].0.as_mut_ptr());
    save!("tmm1", sums[1].0.as_mut_ptr());
    save!("tmm2", sums[2].0.as_mut_ptr());
    save!("tmm3", sums[3].0.as_mut_ptr());
}

/// What turns the sums of a chunk to float, and after the last chunk into outputs.
struct Finish<'a> {
    out: &'a Shared<'a>,
    x: Quantised<'a>,
    weights: &'a Int2<'a>,
    tile: usize,
    units: &'a Units,
    totals: &'a mut Floats,
    chunk: Range<usize>,
}

impl Finish<'_> {
    /// Rows from `first` on; [upper, lower] sums, and perhaps more of them to add.
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,f16c")]
    #[inline]
    fn rows(&mut self, first: usize, sums: [&Bytes; 2], more: Option<[&Bytes; 2]>) {
        let last = self.chunk.end * GROUP == self.weights.columns;
        for i in 0..ROWS.min(self.x.scales.len() - first) {
            let [mut upper, mut lower] = sums.map(|tile| tile.line(i));
            if let Some([more_upper, more_lower]) = more {
                upper = _mm512_add_epi32(upper, more_upper.line(i));
                lower = _mm512_add_epi32(lower, more_lower.line(i));
            }
            let mut total = _mm512_cvtepi32_ps(_mm512_add_epi32(_mm512_slli_epi32::<8>(upper), lower));
            let m = first + i;
            if self.chunk.start > 0 {
                // SAFETY: sixteen places for each row.
                total = unsafe { _mm512_add_ps(_mm512_loadu_ps(self.totals[m * LANES..][..LANES].as_ptr()), total) };
            }
            if last {
                let scaled = _mm512_mul_ps(_mm512_mul_ps(total, self.units.half), _mm512_set1_ps(self.x.scales[m]));
                store(self.out, m * self.weights.rows + self.tile * LANES, scaled);
            } else {
                // SAFETY: as above.
                unsafe { _mm512_storeu_ps(self.totals[m * LANES..][..LANES].as_mut_ptr(), total) };
            }
        }
    }
}

/// Free a chunk of a row tile. Inputs 4 j .. 4 j + 3 of sixteen rows, byte by byte, are exactly one row of the weights' tile.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,f16c")]
#[inline]
fn free(freed: &mut Freed, weights: &Int2<'_>, tile: usize, units: &Units, chunk: Range<usize>) {
    let (bytes, scales) = (weights.tile_bytes(tile), weights.tile_scales(tile));
    let mask = _mm512_set1_epi8(3);
    // Four rows share sixteen bytes of the tables, four bytes a row.
    let place = _mm512_broadcast_i32x4(_mm_setr_epi8(0, 0, 0, 0, 4, 4, 4, 4, 8, 8, 8, 8, 12, 12, 12, 12));
    for (i, g) in chunk.enumerate() {
        let (upper, lower) = tables(units.steps(scales, g));
        let (to_upper, to_lower) = (freed.upper[i].0.as_mut_ptr(), freed.lower[i].0.as_mut_ptr());
        for block in 0..GROUP / 16 {
            // SAFETY: `tile_bytes` has GROUP_BYTES for each group, four blocks of 64; a fetch ahead may name any address.
            let packed = unsafe {
                let from = bytes.as_ptr().add(g * GROUP_BYTES + block * 64);
                _mm_prefetch::<_MM_HINT_T0>(from.wrapping_add(AHEAD).cast());
                _mm512_loadu_si512(from.cast())
            };
            let codes = [
                packed,
                _mm512_srli_epi16::<2>(packed),
                _mm512_srli_epi16::<4>(packed),
                _mm512_srli_epi16::<6>(packed),
            ];
            for (j, code) in codes.into_iter().enumerate() {
                // (code & mask) | place
                let at = _mm512_ternarylogic_epi32::<0xEA>(code, mask, place);
                let line = (block * 4 + j) * 64;
                // SAFETY: sixteen lines of 64 bytes are in a tile.
                unsafe {
                    _mm512_store_si512(to_upper.add(line).cast(), _mm512_shuffle_epi8(upper, at));
                    _mm512_store_si512(to_lower.add(line).cast(), _mm512_shuffle_epi8(lower, at));
                }
            }
        }
    }
}

/// Upper and lower bytes of -3, -1, 1 and 3 times the step of each row; the lower is signed, so the upper is rounded.
#[target_feature(enable = "avx512f,avx512bw")]
#[inline]
fn tables(step: __m512i) -> (__m512i, __m512i) {
    let zero = _mm512_setzero_si512();
    let triple = _mm512_add_epi32(_mm512_add_epi32(step, step), step);
    let (less, less_triple) = (_mm512_sub_epi32(zero, step), _mm512_sub_epi32(zero, triple));
    // The two lower codes as words of one register, the two upper codes as words of another.
    let below = _mm512_mask_blend_epi16(0xAAAA_AAAA, less_triple, _mm512_slli_epi32::<16>(less));
    let above = _mm512_mask_blend_epi16(0xAAAA_AAAA, step, _mm512_slli_epi32::<16>(triple));
    // Even or odd bytes, two of each register; a negative place gives zero.
    let even = (
        _mm_setr_epi8(0, 2, -1, -1, 4, 6, -1, -1, 8, 10, -1, -1, 12, 14, -1, -1),
        _mm_setr_epi8(-1, -1, 0, 2, -1, -1, 4, 6, -1, -1, 8, 10, -1, -1, 12, 14),
    );
    let odd = (
        _mm_setr_epi8(1, 3, -1, -1, 5, 7, -1, -1, 9, 11, -1, -1, 13, 15, -1, -1),
        _mm_setr_epi8(-1, -1, 1, 3, -1, -1, 5, 7, -1, -1, 9, 11, -1, -1, 13, 15),
    );
    let pick = |(low, high): (__m128i, __m128i), below, above| {
        let low = _mm512_shuffle_epi8(below, _mm512_broadcast_i32x4(low));
        _mm512_or_si512(low, _mm512_shuffle_epi8(above, _mm512_broadcast_i32x4(high)))
    };
    let half = _mm512_set1_epi16(128);
    (pick(odd, _mm512_add_epi16(below, half), _mm512_add_epi16(above, half)), pick(even, below, above))
}
