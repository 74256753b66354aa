//! The classes of bytes for AVX-512: a block is a register, a comparison its bits.
use super::{BLOCK, Classes};
use std::arch::x86_64::*;

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq")]
pub(super) fn blocks(text: &[[u8; BLOCK]], out: &mut [Classes]) {
    let equal = |bytes, byte: u8| _mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8(byte as i8));
    let among = |bytes, first: u8, count: u8| {
        let moved = _mm512_sub_epi8(bytes, _mm512_set1_epi8(first as i8));
        _mm512_cmplt_epu8_mask(moved, _mm512_set1_epi8(count as i8))
    };
    for (block, out) in text.iter().zip(out) {
        // SAFETY: a block holds 64 bytes; the load needs no alignment.
        let bytes = unsafe { _mm512_loadu_si512(block.as_ptr().cast()) };
        let spaces = equal(bytes, b' ');
        let line_ends = equal(bytes, b'\n') | equal(bytes, b'\r');
        *out = Classes {
            letters: among(_mm512_or_si512(bytes, _mm512_set1_epi8(0x20)), b'a', 26),
            digits: among(bytes, b'0', 10),
            blanks: spaces | among(bytes, b'\t', 5) & !line_ends,
            spaces,
            line_ends,
            apostrophes: equal(bytes, b'\''),
            wide: _mm512_movepi8_mask(bytes),
        };
    }
}
