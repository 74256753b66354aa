//! The scans of codes for AVX-512 with VPOPCNTDQ and VNNI: eight rows a register when bits are counted.
use super::{BLOCK, Blocks, Bytes, PLANES, Query, Words};
use std::arch::x86_64::*;

/// How many picked rows ahead the lines are asked for: about the latency of memory.
const AHEAD: usize = 8;
/// Lines ahead that the scan asks for; the hardware alone keeps fewer on their way.
const AHEAD_LINES: usize = 128;

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx512vpopcntdq")]
pub(super) fn estimate(out: &mut [f32], query: Query<'_>, blocks: Blocks<'_>) {
    let words = query.planes.len() / PLANES;
    let nowhere = _mm256_set1_ps(f32::NEG_INFINITY);
    let (start, less) = (_mm256_set1_ps(query.start), _mm256_set1_ps(-query.step));
    let rows = out.chunks_exact_mut(BLOCK).zip(blocks.factors.chunks_exact(BLOCK));
    for (block, ((out, factors), codes)) in rows.zip(blocks.codes.chunks_exact(words)).enumerate() {
        let allow = blocks.allow.map_or(u8::MAX, |allow| allow[block]);
        if allow == 0 {
            out.fill(f32::NEG_INFINITY);
            continue;
        }
        let sum = _mm256_fmadd_ps(less, counts(codes, query.planes), start);
        let offset = match blocks.offsets.get(block * BLOCK..(block + 1) * BLOCK) {
            // SAFETY: the slice holds eight numbers.
            Some(offsets) => unsafe { _mm256_loadu_ps(offsets.as_ptr()) },
            None => _mm256_setzero_ps(),
        };
        // SAFETY: both slices hold eight numbers.
        let value = unsafe { _mm256_fmsub_ps(_mm256_loadu_ps(factors.as_ptr()), sum, offset) };
        // SAFETY: as above.
        unsafe { _mm256_storeu_ps(out.as_mut_ptr(), _mm256_mask_mov_ps(nowhere, allow, value)) };
    }
}

/// Σ 2ʲ (bits of plane j that differ) of eight rows; below 2^20, so exact as f32.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx512vpopcntdq")]
#[inline]
fn counts(codes: &[Words], planes: &[u64]) -> __m256 {
    let mut counts = [_mm512_setzero_si512(); PLANES];
    for (line, planes) in codes.iter().zip(planes.as_chunks::<PLANES>().0) {
        super::ask_for(line.0.as_ptr().wrapping_add(AHEAD_LINES * BLOCK).cast());
        // SAFETY: a line holds 64 bytes.
        let line = unsafe { _mm512_load_si512(line.0.as_ptr().cast()) };
        for j in 0..PLANES {
            let differing = _mm512_xor_si512(line, _mm512_set1_epi64(planes[j] as i64));
            counts[j] = _mm512_add_epi64(counts[j], _mm512_popcnt_epi64(differing));
        }
    }
    // Horner's rule: the weight of a plane is twice that of the one before.
    let total = counts
        .into_iter()
        .rev()
        .fold(_mm512_setzero_si512(), |total, count| _mm512_add_epi64(_mm512_add_epi64(total, total), count));
    _mm512_cvtepu64_ps(total)
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx512vpopcntdq")]
pub(super) fn best_of_groups(best: &mut [f32], places: &mut [u32], estimates: &[f32]) {
    let ramp = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    let groups = best.len();
    for (part, (best, places)) in best.chunks_exact_mut(16).zip(places.chunks_exact_mut(16)).enumerate() {
        let (mut most, mut at) = (_mm512_set1_ps(f32::NEG_INFINITY), _mm512_set1_epi32(-1));
        for first in (part * 16..estimates.len()).step_by(groups) {
            let estimates = &estimates[first..];
            let mask = u16::MAX >> (16 - estimates.len().min(16));
            // SAFETY: lanes outside of the mask lie beyond the slice and are not read.
            let estimate = unsafe { _mm512_maskz_loadu_ps(mask, estimates.as_ptr()) };
            let better = _mm512_mask_cmp_ps_mask::<_CMP_GT_OQ>(mask, estimate, most);
            most = _mm512_mask_mov_ps(most, better, estimate);
            at = _mm512_mask_mov_epi32(at, better, _mm512_add_epi32(_mm512_set1_epi32(first as i32), ramp));
        }
        // SAFETY: both hold sixteen.
        unsafe {
            _mm512_storeu_ps(best.as_mut_ptr(), most);
            _mm512_storeu_si512(places.as_mut_ptr().cast(), at);
        }
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx512vpopcntdq")]
pub(super) fn collect(out: &mut Vec<u32>, first: u32, estimates: &[f32], factors: &[f32], slack: f32, least: f32) {
    let (slack, least, nowhere) = (_mm512_set1_ps(slack), _mm512_set1_ps(least), _mm512_set1_ps(f32::NEG_INFINITY));
    let ramp = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    out.reserve(estimates.len());
    let (mut length, mut first) = (out.len(), first);
    for (estimates, factors) in estimates.chunks(16).zip(factors.chunks(16)) {
        let mask = u16::MAX >> (16 - estimates.len());
        // SAFETY: lanes outside of the mask lie beyond the slice and are not read.
        let estimate = unsafe { _mm512_maskz_loadu_ps(mask, estimates.as_ptr()) };
        // SAFETY: as above; the door checked that there are as many factors.
        let factor = unsafe { _mm512_maskz_loadu_ps(mask, factors.as_ptr()) };
        let near = _mm512_mask_cmp_ps_mask::<_CMP_GE_OQ>(mask, _mm512_fmadd_ps(factor, slack, estimate), least);
        let near = _mm512_mask_cmp_ps_mask::<_CMP_GT_OQ>(near, estimate, nowhere);
        if near != 0 {
            let places = _mm512_add_epi32(_mm512_set1_epi32(first as i32), ramp);
            // SAFETY: there is room for every estimate behind the old length, and no more are written.
            unsafe { _mm512_mask_compressstoreu_epi32(out.as_mut_ptr().add(length).cast(), near, places) };
            length += near.count_ones() as usize;
        }
        first = first.wrapping_add(estimates.len() as u32);
    }
    // SAFETY: all up to `length` was written above, inside of what was reserved.
    unsafe { out.set_len(length) };
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx512vpopcntdq")]
pub(super) fn dots(out: &mut [i32], rows: &[u32], query: &[i8], codes: &[Bytes]) {
    let lines = query.len() / 64;
    for (place, &row) in rows.iter().enumerate() {
        if let Some(&next) = rows.get(place + AHEAD) {
            codes[next as usize * lines..][..lines].iter().for_each(|line| super::ask_for(line.0.as_ptr().cast()));
        }
        let mut sums = _mm512_setzero_si512();
        for (line, query) in codes[row as usize * lines..][..lines].iter().zip(query.as_chunks::<64>().0) {
            // SAFETY: both hold 64 bytes.
            let (line, query) =
                unsafe { (_mm512_load_si512(line.0.as_ptr().cast()), _mm512_loadu_si512(query.as_ptr().cast())) };
            sums = _mm512_dpbusd_epi32(sums, line, query);
        }
        out[place] = _mm512_reduce_add_epi32(sums);
    }
}
