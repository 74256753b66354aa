//! The 16-bit product for AVX-512 VNNI: weights, moved up by 128, are the unsigned operand; 128 Σ x is taken away.
use super::{Wide, amx};
use crate::cpu::truth_for;
use crate::lanes::LANES;
use crate::matmul_int8::Int8;
use crate::parallel::Shared;
use half::f16;
use std::arch::x86_64::*;
use std::ops::Range;

/// How many bytes ahead weights are fetched: they come from afar, and pages end a fetch by the core.
const AHEAD: usize = 4096;

truth_for! { avx512:
    fn quantise(x: &[f32], columns: usize, upper: &mut [i8], lower: &mut [i8], scales: &mut [f32], moved: &mut [[i32; 2]]);
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx2,fma,f16c")]
pub(super) fn product(out: &Shared<'_>, x: &Wide, weights: &Int8<'_>, rows: Range<usize>) {
    if x.tiles.is_empty() {
        return by_vectors(out, x, weights, rows);
    }
    let whole = rows.len() / LANES * LANES;
    amx::product(out, x, weights, rows.start..rows.start + whole);
    by_vectors(out, x, weights, rows.start + whole..rows.end);
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx2,fma,f16c")]
fn by_vectors(out: &Shared<'_>, x: &Wide, weights: &Int8<'_>, rows: Range<usize>) {
    let mut m = 0;
    while m < x.rows() {
        m += match x.rows() - m {
            1 => all::<8, 1>(out, x, weights, rows.clone(), m),
            2 | 3 => all::<4, 2>(out, x, weights, rows.clone(), m),
            _ => all::<2, 4>(out, x, weights, rows.clone(), m),
        };
    }
}

/// R weight rows at a time by M activation rows from m on; returns M.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx2,fma,f16c")]
#[inline]
fn all<const R: usize, const M: usize>(
    out: &Shared<'_>,
    x: &Wide,
    weights: &Int8<'_>,
    rows: Range<usize>,
    m: usize,
) -> usize {
    for first in rows.clone().step_by(R) {
        let last = rows.end - 1;
        // Beyond the range the last row stands in, and nobody reads its sums.
        let taken: [(&[i8], u16); R] = std::array::from_fn(|r| weights.at(last.min(first + r)));
        let sums = sums::<R, M>(x, taken.map(|row| row.0), m);
        let live = R.min(rows.end - first);
        for i in 0..M {
            // SAFETY: each range of rows belongs to one task.
            let out = unsafe { out.slice((m + i) * weights.rows() + first, live) };
            for r in 0..live {
                let [upper, lower] = std::array::from_fn(|half| sums[(i * R + r) * 2 + half] - x.moved[m + i][half]);
                out[r] = super::scalar::joined(upper, lower, f16::from_bits(taken[r].1).to_f32(), x.scales[m + i]);
            }
        }
    }
    M
}

/// Sums of the moved weights by the upper and lower bytes: of activation i and weight r at 2 (i R + r). Exact, so their order is free.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx2,fma,f16c")]
#[inline]
fn sums<const R: usize, const M: usize>(x: &Wide, rows: [&[i8]; R], m: usize) -> [i32; LANES] {
    let columns = x.columns;
    let (upper, lower) = (&x.upper[m * columns..(m + M) * columns], &x.lower[m * columns..(m + M) * columns]);
    let up = _mm512_set1_epi8(-128);
    let mut lanes = [[[_mm512_setzero_si512(); 2]; R]; M];
    for k in (0..columns).step_by(4 * LANES) {
        let mask = u64::MAX >> (64 - (columns - k).min(64));
        let mut moved = [_mm512_setzero_si512(); R];
        for r in 0..R {
            // SAFETY: lanes outside of the mask lie beyond the row and are not read; a fetch ahead may name any address.
            unsafe {
                let from = rows[r].as_ptr().add(k);
                _mm_prefetch::<_MM_HINT_T0>(from.wrapping_add(AHEAD));
                moved[r] = _mm512_xor_si512(_mm512_maskz_loadu_epi8(mask, from), up);
            }
        }
        for i in 0..M {
            for (half, bytes) in [upper, lower].into_iter().enumerate() {
                // SAFETY: as above; what is not read is zero and adds nothing.
                let x = unsafe { _mm512_maskz_loadu_epi8(mask, bytes.as_ptr().add(i * columns + k)) };
                for r in 0..R {
                    lanes[i][r][half] = _mm512_dpbusd_epi32(lanes[i][r][half], moved[r], x);
                }
            }
        }
    }
    let mut sums = [0; LANES];
    for i in 0..M {
        for r in 0..R {
            for half in 0..2 {
                sums[(i * R + r) * 2 + half] = _mm512_reduce_add_epi32(lanes[i][r][half]);
            }
        }
    }
    sums
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
        let (rows, columns) = (71, 192);
        let mixed = |i: usize| (i as u32).wrapping_mul(2_654_435_761) >> 9;
        let codes: Vec<i8> = (0..rows * columns).map(|i| mixed(i) as i8).collect();
        let scales: Vec<u16> = (0..rows).map(|i| 0x2000 + (mixed(i) & 0x3ff) as u16).collect();
        let weights = Int8::new(rows, columns, &codes, &scales).unwrap();
        for count in amx::FEWEST_ROWS..=35 {
            let floats: Vec<f32> = (0..count * columns).map(|i| mixed(i + 7) as i16 as f32).collect();
            let x = Wide::of(&floats, columns).unwrap();
            let (mut by_tiles, mut by_lanes) = (vec![0.0; count * rows], vec![1.0; count * rows]);
            // SAFETY: `level` and `available` found the instructions.
            unsafe {
                product(&Shared::new(&mut by_tiles), &x, &weights, 0..rows);
                by_vectors(&Shared::new(&mut by_lanes), &x, &weights, 0..rows);
            }
            assert!(by_tiles.iter().zip(&by_lanes).all(|(a, b)| a.to_bits() == b.to_bits()), "{count} rows");
        }
    }
}
