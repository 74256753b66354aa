//! The 16-bit product on the tile unit: sixteen weight rows as they lie in the table by sixteen activation rows.
use super::{TILE, Wide};
use crate::amx::{Bytes, ROWS, Tiles, dot, load, save, zero};
use crate::lanes::LANES;
use crate::lanes512::turn16;
use crate::matmul_int8::Int8;
use crate::parallel::Shared;
use half::f16;
use std::arch::x86_64::*;
use std::ops::Range;

/// From how many activation rows on tiles are faster than `vpdpbusd`.
pub(super) const FEWEST_ROWS: usize = 5;
/// How many bytes ahead weights are fetched.
const AHEAD: usize = 16 << 10;

/// `rows` are a multiple of sixteen; call only where `x.tiles` were laid.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,fma,f16c")]
pub(super) fn product(out: &Shared<'_>, x: &Wide, weights: &Int8<'_>, rows: Range<usize>) {
    // SAFETY: tiles were laid, so they are available; all are full.
    let _shaped = unsafe { Tiles::shape([ROWS as u8; 8]) };
    let mut sums = [Bytes::ZERO; 4];
    let mut first = rows.start;
    while first < rows.end {
        let wide = rows.end - first > ROWS;
        for m in (0..x.rows()).step_by(ROWS) {
            dots(&mut sums, x, weights, first, m, wide);
            finish(out, x, weights, first, m, [&sums[0], &sums[1]]);
            if wide {
                finish(out, x, weights, first + ROWS, m, [&sums[2], &sums[3]]);
            }
        }
        first += if wide { 2 * ROWS } else { ROWS };
    }
}

/// Sums of sixteen weight rows by sixteen activations, upper and lower; where `wide` of the next sixteen as well.
#[inline(always)]
fn dots(sums: &mut [Bytes; 4], x: &Wide, weights: &Int8<'_>, first: usize, m: usize, wide: bool) {
    let (columns, across) = (x.columns, x.columns / TILE.1);
    let tiles = &x.tiles[m / ROWS * across..][..across];
    let table = weights.at(first).0.as_ptr();
    let other = weights.at(first + if wide { ROWS } else { 0 }).0.as_ptr();
    zero!("tmm0", "tmm1", "tmm2", "tmm3");
    for (i, tile) in tiles.iter().enumerate() {
        load!("tmm4", table.wrapping_add(i * TILE.1), columns);
        load!("tmm6", tile.as_ptr(), 64usize);
        load!("tmm7", tile[ROWS * 64..].as_ptr(), 64usize);
        if m == 0 {
            for line in 0..2 * ROWS {
                // SAFETY: a fetch ahead may name any address.
                unsafe { _mm_prefetch::<_MM_HINT_T0>(table.wrapping_add(AHEAD + (i * 2 * ROWS + line) * 64)) };
            }
        }
        dot!("tmm0", "tmm4", "tmm6");
        dot!("tmm1", "tmm4", "tmm7");
        if wide {
            load!("tmm5", other.wrapping_add(i * TILE.1), columns);
            dot!("tmm2", "tmm5", "tmm6");
            dot!("tmm3", "tmm5", "tmm7");
        }
    }
    save!("tmm0", sums[0].0.as_mut_ptr());
    save!("tmm1", sums[1].0.as_mut_ptr());
    save!("tmm2", sums[2].0.as_mut_ptr());
    save!("tmm3", sums[3].0.as_mut_ptr());
}

/// Turn sums, whose lines are weight rows, into outputs, whose lines are activation rows.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,fma,f16c")]
#[inline]
fn finish(out: &Shared<'_>, x: &Wide, weights: &Int8<'_>, first: usize, m: usize, [upper, lower]: [&Bytes; 2]) {
    let live = ROWS.min(x.rows() - m);
    let mut scales = [0.0; LANES];
    scales[..live].copy_from_slice(&x.scales[m..m + live]);
    // SAFETY: sixteen places.
    let scales = unsafe { _mm512_loadu_ps(scales.as_ptr()) };
    let mut lines = [_mm512_setzero_ps(); ROWS];
    for r in 0..ROWS {
        let (upper, lower) = (_mm512_cvtepi32_ps(upper.line(r)), _mm512_cvtepi32_ps(lower.line(r)));
        let whole = _mm512_fmadd_ps(upper, _mm512_set1_ps(256.0), lower);
        let scale = f16::from_bits(weights.at(first + r).1).to_f32();
        lines[r] = _mm512_mul_ps(_mm512_mul_ps(whole, _mm512_set1_ps(scale)), scales);
    }
    for (i, line) in turn16(lines).into_iter().enumerate().take(live) {
        // SAFETY: each range of rows belongs to one task, and the slice has sixteen places.
        unsafe { _mm512_storeu_ps(out.slice((m + i) * weights.rows() + first, LANES).as_mut_ptr(), line) };
    }
}
