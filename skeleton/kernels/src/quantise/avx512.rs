//! Quantisation for AVX-512: the scales of sixteen rows or groups at once, codes packed with saturation in bytes.
use super::{Moment, SMALLEST, TOO_LARGE, scalar};
use crate::act8::GROUP;
use crate::lanes::LANES;
use crate::lanes512::fold16;
use std::arch::x86_64::*;

/// Weights ahead of a row that are fetched while a group is at work.
const AHEAD: usize = 2 * GROUP;

/// Four registers: the weights of a group.
type Group = [__m512; 4];

#[target_feature(enable = "avx512f")]
#[inline]
fn load(w: &[f32; GROUP]) -> Group {
    // SAFETY: the four loads read the 64 weights of the group.
    std::array::from_fn(|block| unsafe { _mm512_loadu_ps(w.as_ptr().add(block * LANES)) })
}

/// Scales as they are stored (sixteen f16), and one by each; `sound` falls where a f16 cannot hold one.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx2,fma,f16c")]
#[inline]
fn stored(scales: __m512, sound: &mut bool) -> (__m256i, [f32; LANES]) {
    *sound &= _mm512_cmp_ps_mask::<_CMP_LT_OQ>(scales, _mm512_set1_ps(TOO_LARGE)) == 0xffff;
    let bits = _mm512_cvtps_ph::<_MM_FROUND_TO_NEAREST_INT>(_mm512_max_ps(scales, _mm512_set1_ps(SMALLEST)));
    let mut inverse = [0.0; LANES];
    let one_by = _mm512_div_ps(_mm512_set1_ps(1.0), _mm512_cvtph_ps(bits));
    // SAFETY: `inverse` has sixteen places.
    unsafe { _mm512_storeu_ps(inverse.as_mut_ptr(), one_by) };
    (bits, inverse)
}

/// The four registers as integers in one of bytes: byte 16 q + 4 b + i is number 4 q + i of register b. Saturated to 16
/// bits with sign, then to eight with or without.
#[target_feature(enable = "avx512f,avx512bw")]
#[inline]
fn bytes<const SIGNED: bool>(numbers: [__m512i; 4]) -> __m512i {
    let (low, high) = (_mm512_packs_epi32(numbers[0], numbers[1]), _mm512_packs_epi32(numbers[2], numbers[3]));
    if SIGNED { _mm512_packs_epi16(low, high) } else { _mm512_packus_epi16(low, high) }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx2,fma,f16c")]
pub(super) fn int2(packed: &mut [u8], scales: &mut [u16], x: &[f32], columns: usize, moment: Moment, sound: &mut bool) {
    let groups = columns / GROUP;
    let tiles = packed.chunks_exact_mut(LANES * columns / 4).zip(scales.chunks_exact_mut(LANES * groups));
    for ((packed, scales), x) in tiles.zip(x.chunks_exact(LANES * columns)) {
        let rows: [&[[f32; GROUP]]; LANES] = std::array::from_fn(|row| x[row * columns..][..columns].as_chunks().0);
        let outputs = packed.as_chunks_mut::<{ LANES * GROUP / 4 }>().0.iter_mut().zip(scales.as_chunks_mut().0);
        for (group, (bytes, scales)) in outputs.enumerate() {
            let w: [&[f32; GROUP]; LANES] = std::array::from_fn(|row| &rows[row][group]);
            tile(bytes, scales, w, moment, sound);
        }
    }
}

/// One group of sixteen rows: the bytes and the scales of a tile.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx2,fma,f16c")]
#[inline]
fn tile(
    packed: &mut [u8; LANES * GROUP / 4],
    scales: &mut [u16; LANES],
    w: [&[f32; GROUP]; LANES],
    moment: Moment,
    sound: &mut bool,
) {
    let mut sums = [_mm512_setzero_ps(); LANES];
    for row in 0..LANES {
        for line in 0..4 {
            _mm_prefetch::<_MM_HINT_T0>(w[row].as_ptr().wrapping_add(AHEAD + line * LANES).cast());
        }
        for block in load(w[row]) {
            sums[row] = match moment {
                Moment::Mean => _mm512_add_ps(sums[row], _mm512_abs_ps(block)),
                Moment::Deviation => _mm512_fmadd_ps(block, block, sums[row]),
            };
        }
    }
    let mean = _mm512_mul_ps(fold16(sums), _mm512_set1_ps(1.0 / GROUP as f32));
    let mean = if moment == Moment::Mean { mean } else { _mm512_sqrt_ps(mean) };
    let (bits, inverse) = stored(_mm512_mul_ps(mean, _mm512_set1_ps(moment.factor())), sound);
    // SAFETY: sixteen u16 are the 32 bytes that are written.
    unsafe { _mm256_storeu_si256(scales.as_mut_ptr().cast(), bits) };
    for four in 0..4 {
        let rows: [__m128i; 4] = std::array::from_fn(|i| int2_row(w[4 * four + i], inverse[4 * four + i]));
        for (block, words) in transposed(rows).into_iter().enumerate() {
            let place = &mut packed[block * 4 * LANES + four * 16..][..16];
            // SAFETY: the place has the 16 bytes that are written.
            unsafe { _mm_storeu_si128(place.as_mut_ptr().cast(), words) };
        }
    }
}

/// The codes of a group of one row: word b is that of block b.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx2,fma,f16c")]
#[inline]
fn int2_row(w: &[f32; GROUP], inverse: f32) -> __m128i {
    let (by, two) = (_mm512_set1_ps(inverse), _mm512_set1_ps(2.0));
    let codes = load(w).map(|w| _mm512_cvttps_epi32(_mm512_fmadd_ps(w, by, two)));
    let codes = _mm512_min_epu8(bytes::<false>(codes), _mm512_set1_epi8(3));
    // Quarter q holds inputs 4 q + i of each block, which stand in bits 2 q.
    let shifts = _mm512_setr_epi32(0, 0, 0, 0, 2, 2, 2, 2, 4, 4, 4, 4, 6, 6, 6, 6);
    let codes = _mm512_sllv_epi32(codes, shifts);
    let half = _mm256_or_si256(_mm512_castsi512_si256(codes), _mm512_extracti64x4_epi64::<1>(codes));
    _mm_or_si128(_mm256_castsi256_si128(half), _mm256_extracti128_si256::<1>(half))
}

/// Four by four words: word i of register j becomes word j of register i.
#[target_feature(enable = "avx512f,avx2")]
#[inline]
fn transposed(rows: [__m128i; 4]) -> [__m128i; 4] {
    let (a, b) = (_mm_unpacklo_epi32(rows[0], rows[1]), _mm_unpacklo_epi32(rows[2], rows[3]));
    let (c, d) = (_mm_unpackhi_epi32(rows[0], rows[1]), _mm_unpackhi_epi32(rows[2], rows[3]));
    [_mm_unpacklo_epi64(a, b), _mm_unpackhi_epi64(a, b), _mm_unpacklo_epi64(c, d), _mm_unpackhi_epi64(c, d)]
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx2,fma,f16c")]
pub(super) fn int4(packed: &mut [u8], scales: &mut [u16], x: &[f32], sound: &mut bool) {
    let (w, rest) = x.as_chunks::<GROUP>().0.as_chunks::<LANES>();
    let whole = w.len() * LANES;
    let (packed, packed_rest) = packed.split_at_mut(whole * GROUP / 2);
    let (scales, scales_rest) = scales.split_at_mut(whole);
    let outputs = packed.as_chunks_mut::<{ LANES * GROUP / 2 }>().0.iter_mut().zip(scales.as_chunks_mut::<LANES>().0);
    for ((packed, scales), w) in outputs.zip(w) {
        let mut spreads = [0.0f32; LANES];
        for (spread, w) in spreads.iter_mut().zip(w) {
            let [a, b, c, d] = load(w).map(|w| magnitude(w));
            let most = _mm512_max_epi32(_mm512_max_epi32(a, b), _mm512_max_epi32(c, d));
            *spread = f32::from_bits(_mm512_reduce_max_epi32(most) as u32);
        }
        // SAFETY: `spreads` has sixteen numbers.
        let spreads = unsafe { _mm512_loadu_ps(spreads.as_ptr()) };
        let (bits, inverse) = stored(_mm512_mul_ps(spreads, _mm512_set1_ps(1.0 / 7.0)), sound);
        // SAFETY: sixteen u16 are the 32 bytes that are written.
        unsafe { _mm256_storeu_si256(scales.as_mut_ptr().cast(), bits) };
        for ((packed, w), inverse) in packed.as_chunks_mut::<{ GROUP / 2 }>().0.iter_mut().zip(w).zip(inverse) {
            int4_group(packed, w, inverse);
        }
    }
    scalar::int4(packed_rest, scales_rest, rest.as_flattened(), sound);
}

/// |w| as an integer, whose order is that of the numbers, with all that is not a number above.
#[target_feature(enable = "avx512f,avx512dq")]
#[inline]
fn magnitude(w: __m512) -> __m512i {
    _mm512_castps_si512(_mm512_abs_ps(w))
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx2,fma,f16c")]
#[inline]
fn int4_group(packed: &mut [u8; GROUP / 2], w: &[f32; GROUP], inverse: f32) {
    let by = _mm512_set1_ps(inverse);
    let levels = bytes::<true>(load(w).map(|w| _mm512_cvtps_epi32(_mm512_mul_ps(w, by))));
    let levels = _mm512_min_epi8(_mm512_max_epi8(levels, _mm512_set1_epi8(-8)), _mm512_set1_epi8(7));
    let codes = _mm512_add_epi8(levels, _mm512_set1_epi8(8));
    // Words 0 and 1 of a quarter are inputs of the first half, words 2 and 3 of the second.
    let high = _mm512_slli_epi32::<4>(_mm512_shuffle_epi32::<0b11_10_11_10>(codes));
    let order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 0, 0, 0, 0, 0, 0, 0, 0);
    let both = _mm512_permutexvar_epi32(order, _mm512_or_si512(codes, high));
    // SAFETY: `packed` has the 32 bytes that are written.
    unsafe { _mm256_storeu_si256(packed.as_mut_ptr().cast(), _mm512_castsi512_si256(both)) };
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx2,fma,f16c")]
pub(super) fn int8(codes: &mut [u8], scales: &mut [u16], x: &[f32], columns: usize, sound: &mut bool) {
    for ((codes, bits), w) in codes.chunks_exact_mut(columns).zip(scales).zip(x.chunks_exact(columns)) {
        let (groups, rest) = w.as_chunks::<GROUP>();
        let mut most = [_mm512_setzero_si512(); 4];
        for w in groups {
            let w = load(w).map(|w| magnitude(w));
            most = std::array::from_fn(|i| _mm512_max_epi32(most[i], w[i]));
        }
        let [a, b, c, d] = most;
        let most = _mm512_reduce_max_epi32(_mm512_max_epi32(_mm512_max_epi32(a, b), _mm512_max_epi32(c, d)));
        let spread = f32::from_bits(most as u32);
        // An infinite `spread` of the rest, or one that is not a number, makes the scale unsound either way.
        let spread = if spread.is_nan() { spread } else { spread.max(scalar::spread(rest)) };
        let (stored, inverse) = scalar::stored(spread * (1.0 / 127.0), sound);
        *bits = stored;
        let (codes, codes_rest) = codes.split_at_mut(groups.len() * GROUP);
        for (codes, w) in codes.as_chunks_mut::<GROUP>().0.iter_mut().zip(groups) {
            int8_group(codes, w, inverse);
        }
        scalar::int8_codes(codes_rest, rest, inverse);
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx2,fma,f16c")]
#[inline]
fn int8_group(codes: &mut [u8; GROUP], w: &[f32; GROUP], inverse: f32) {
    let by = _mm512_set1_ps(inverse);
    let levels = bytes::<true>(load(w).map(|w| _mm512_cvtps_epi32(_mm512_mul_ps(w, by))));
    let levels = _mm512_max_epi8(levels, _mm512_set1_epi8(-127));
    let order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    // SAFETY: `codes` has the 64 bytes that are written.
    unsafe { _mm512_storeu_si512(codes.as_mut_ptr().cast(), _mm512_permutexvar_epi32(order, levels)) };
}
