//! Rotation for AVX-512: sixteen pairs at a time, and fewer by a mask.
use crate::lanes::LANES;
use std::arch::x86_64::*;

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx2,fma,f16c")]
pub(super) fn apply(x: &mut [f32], heads: usize, head_size: usize, cos: &[f32], sin: &[f32]) {
    let half = head_size / 2;
    let tables = cos.chunks_exact(half).zip(sin.chunks_exact(half));
    for (row, (cos, sin)) in x.chunks_exact_mut(heads * head_size).zip(tables) {
        for at in (0..half).step_by(LANES) {
            let mask = u16::MAX >> (LANES - (half - at).min(LANES));
            // SAFETY: lanes outside of the mask lie beyond the tables and are not read.
            let (cos, sin) = unsafe {
                (_mm512_maskz_loadu_ps(mask, cos.as_ptr().add(at)), _mm512_maskz_loadu_ps(mask, sin.as_ptr().add(at)))
            };
            for head in row.chunks_exact_mut(head_size) {
                let (first, second) = head.split_at_mut(half);
                // SAFETY: both halves have `half` places, of which the mask leaves those from `at` on.
                unsafe { turn(first.as_mut_ptr().add(at), second.as_mut_ptr().add(at), mask, cos, sin) };
            }
        }
    }
}

/// a' = a cos - b sin, b' = b cos + a sin; each product is rounded by itself, as in the truth.
///
/// # Safety
/// `a` and `b` point at as many places as the mask has bits.
#[target_feature(enable = "avx512f")]
#[inline]
unsafe fn turn(a: *mut f32, b: *mut f32, mask: __mmask16, cos: __m512, sin: __m512) {
    // SAFETY: by the caller's contract; masked loads and stores touch nothing outside of the mask.
    unsafe {
        let (old_a, old_b) = (_mm512_maskz_loadu_ps(mask, a), _mm512_maskz_loadu_ps(mask, b));
        let new_a = _mm512_sub_ps(_mm512_mul_ps(old_a, cos), _mm512_mul_ps(old_b, sin));
        let new_b = _mm512_add_ps(_mm512_mul_ps(old_b, cos), _mm512_mul_ps(old_a, sin));
        _mm512_mask_storeu_ps(a, mask, new_a);
        _mm512_mask_storeu_ps(b, mask, new_b);
    }
}
