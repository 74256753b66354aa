//! The truth of quantisation: sums in sixteen lanes by place, folded in halves; everything else is exact or one rounding.
use super::{Moment, SMALLEST, TOO_LARGE};
use crate::act8::GROUP;
use crate::lanes::{LANES, fold, largest};
use half::f16;

/// A scale as it is stored, and one by it; `sound` falls where a f16 cannot hold it.
#[inline(always)]
pub(super) fn stored(scale: f32, sound: &mut bool) -> (u16, f32) {
    *sound &= scale < TOO_LARGE;
    let half = f16::from_f32(scale.max(SMALLEST));
    (half.to_bits(), 1.0 / half.to_f32())
}

#[inline(always)]
fn moment_scale(w: &[f32; GROUP], moment: Moment) -> f32 {
    let mut lanes = [0.0f32; LANES];
    for block in w.as_chunks::<LANES>().0 {
        for i in 0..LANES {
            let (w, sum) = (block[i], lanes[i]);
            lanes[i] = if moment == Moment::Mean { sum + w.abs() } else { w.mul_add(w, sum) };
        }
    }
    let mean = fold(lanes) * (1.0 / GROUP as f32);
    (if moment == Moment::Mean { mean } else { mean.sqrt() }) * moment.factor()
}

#[inline(always)]
pub(super) fn int2(packed: &mut [u8], scales: &mut [u16], x: &[f32], columns: usize, moment: Moment, sound: &mut bool) {
    let (groups, tile_bytes) = (columns / GROUP, LANES * GROUP / 4);
    for (row, x) in x.chunks_exact(columns).enumerate() {
        for (group, w) in x.as_chunks::<GROUP>().0.iter().enumerate() {
            let (at, lane) = (row / LANES * groups + group, row % LANES);
            let (bits, inverse) = stored(moment_scale(w, moment), sound);
            scales[at * LANES + lane] = bits;
            let codes = w.map(|w| (w.mul_add(inverse, 2.0) as i32).clamp(0, 3) as u8);
            for (block, codes) in codes.as_chunks::<LANES>().0.iter().enumerate() {
                for i in 0..4 {
                    let byte = codes[i] | codes[4 + i] << 2 | codes[8 + i] << 4 | codes[12 + i] << 6;
                    packed[at * tile_bytes + block * 4 * LANES + 4 * lane + i] = byte;
                }
            }
        }
    }
}

#[inline(always)]
pub(super) fn int4(packed: &mut [u8], scales: &mut [u16], x: &[f32], sound: &mut bool) {
    let outputs = packed.as_chunks_mut::<{ GROUP / 2 }>().0.iter_mut().zip(scales);
    for ((bytes, bits), w) in outputs.zip(x.as_chunks::<GROUP>().0) {
        let (stored_bits, inverse) = stored(spread(w) * (1.0 / 7.0), sound);
        *bits = stored_bits;
        let codes = w.map(|w| ((w * inverse).round_ties_even() as i32).clamp(-8, 7) as u8 & 15 ^ 8);
        for b in 0..GROUP / 2 {
            bytes[b] = codes[b] | codes[b + GROUP / 2] << 4;
        }
    }
}

#[inline(always)]
pub(super) fn int8(codes: &mut [u8], scales: &mut [u16], x: &[f32], columns: usize, sound: &mut bool) {
    let outputs = codes.chunks_exact_mut(columns).zip(scales);
    for ((codes, bits), w) in outputs.zip(x.chunks_exact(columns)) {
        let (stored_bits, inverse) = stored(spread(w) * (1.0 / 127.0), sound);
        *bits = stored_bits;
        int8_codes(codes, w, inverse);
    }
}

#[inline(always)]
pub(super) fn int8_codes(codes: &mut [u8], w: &[f32], inverse: f32) {
    for (code, w) in codes.iter_mut().zip(w) {
        *code = ((w * inverse).round_ties_even() as i32).clamp(-127, 127) as i8 as u8;
    }
}

/// The largest |w|; infinite where a weight is not finite.
#[inline(always)]
pub(super) fn spread(w: &[f32]) -> f32 {
    // What is not a number is larger than any: `largest` alone would pass over it.
    largest(w, |w| if w.is_nan() { f32::INFINITY } else { w.abs() })
}
