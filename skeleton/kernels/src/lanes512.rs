//! Folding of AVX-512 registers in the order of `lanes::fold`, one or sixteen at a time.
use std::arch::x86_64::*;

/// The fold of sixteen registers at once: place i of the result is the fold of register i.
///
/// Each step puts the halves of two registers side by side and adds, so lane i meets i + 8, then + 4, + 2, + 1.
#[target_feature(enable = "avx512f,avx512dq")]
#[inline]
pub(crate) fn fold16(lanes: [__m512; 16]) -> __m512 {
    let mut halves = [_mm512_setzero_ps(); 8];
    for i in 0..8 {
        let (a, b) = (lanes[i], lanes[i + 8]);
        let (low, high) = (_mm512_shuffle_f32x4::<0b01_00_01_00>(a, b), _mm512_shuffle_f32x4::<0b11_10_11_10>(a, b));
        halves[i] = _mm512_add_ps(low, high);
    }
    let mut quarters = [_mm512_setzero_ps(); 4];
    for i in 0..4 {
        let (a, b) = (halves[i], halves[i + 4]);
        let (low, high) = (_mm512_shuffle_f32x4::<0b10_00_10_00>(a, b), _mm512_shuffle_f32x4::<0b11_01_11_01>(a, b));
        quarters[i] = _mm512_add_ps(low, high);
    }
    let mut eighths = [_mm512_setzero_ps(); 2];
    for i in 0..2 {
        let (a, b) = (quarters[i], quarters[i + 2]);
        let (low, high) = (_mm512_shuffle_ps::<0b01_00_01_00>(a, b), _mm512_shuffle_ps::<0b11_10_11_10>(a, b));
        eighths[i] = _mm512_add_ps(low, high);
    }
    let (a, b) = (eighths[0], eighths[1]);
    let sums = _mm512_add_ps(_mm512_shuffle_ps::<0b10_00_10_00>(a, b), _mm512_shuffle_ps::<0b11_01_11_01>(a, b));
    // The steps have left the registers in another order.
    _mm512_permutexvar_ps(order(), sums)
}

/// Where the fold of register i has come to lie.
#[target_feature(enable = "avx512f")]
#[inline]
fn order() -> __m512i {
    _mm512_setr_epi32(0, 2, 1, 3, 8, 10, 9, 11, 4, 6, 5, 7, 12, 14, 13, 15)
}
