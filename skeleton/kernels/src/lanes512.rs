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

/// Turn a square: place r of register i becomes place i of register r.
#[target_feature(enable = "avx512f")]
#[inline]
pub(crate) fn turn16(lines: [__m512; 16]) -> [__m512; 16] {
    // Squares of four within each quarter, for each four registers.
    let mut fours = [_mm512_setzero_ps(); 16];
    for at in (0..16).step_by(4) {
        let [a, b, c, d] = turn4([lines[at], lines[at + 1], lines[at + 2], lines[at + 3]]);
        (fours[at], fours[at + 1], fours[at + 2], fours[at + 3]) = (a, b, c, d);
    }
    // Quarter q of register 4 i + j holds places 4 i .. 4 i + 4 of line 4 q + j: now the quarters are turned.
    let mut turned = lines;
    for j in 0..4 {
        let (a, b, c, d) = (fours[j], fours[4 + j], fours[8 + j], fours[12 + j]);
        let (ab_low, ab_high) =
            (_mm512_shuffle_f32x4::<0b10_00_10_00>(a, b), _mm512_shuffle_f32x4::<0b11_01_11_01>(a, b));
        let (cd_low, cd_high) =
            (_mm512_shuffle_f32x4::<0b10_00_10_00>(c, d), _mm512_shuffle_f32x4::<0b11_01_11_01>(c, d));
        turned[j] = _mm512_shuffle_f32x4::<0b10_00_10_00>(ab_low, cd_low);
        turned[8 + j] = _mm512_shuffle_f32x4::<0b11_01_11_01>(ab_low, cd_low);
        turned[4 + j] = _mm512_shuffle_f32x4::<0b10_00_10_00>(ab_high, cd_high);
        turned[12 + j] = _mm512_shuffle_f32x4::<0b11_01_11_01>(ab_high, cd_high);
    }
    turned
}

/// Turn the 4 x 4 squares that lie in the same lane block of four registers.
#[target_feature(enable = "avx512f")]
#[inline]
pub(crate) fn turn4([a, b, c, d]: [__m512; 4]) -> [__m512; 4] {
    let (low_ab, high_ab) = (_mm512_unpacklo_ps(a, b), _mm512_unpackhi_ps(a, b));
    let (low_cd, high_cd) = (_mm512_unpacklo_ps(c, d), _mm512_unpackhi_ps(c, d));
    [
        _mm512_shuffle_ps::<0b01_00_01_00>(low_ab, low_cd),
        _mm512_shuffle_ps::<0b11_10_11_10>(low_ab, low_cd),
        _mm512_shuffle_ps::<0b01_00_01_00>(high_ab, high_cd),
        _mm512_shuffle_ps::<0b11_10_11_10>(high_ab, high_cd),
    ]
}
