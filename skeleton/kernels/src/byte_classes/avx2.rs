//! The classes of bytes for AVX2: a block is two registers.
use super::{BLOCK, Classes};
use std::arch::x86_64::*;

#[target_feature(enable = "avx2")]
pub(super) fn blocks(text: &[[u8; BLOCK]], out: &mut [Classes]) {
    for (block, out) in text.iter().zip(out) {
        let (halves, _) = block.as_chunks::<32>();
        let (low, high) = (half(&halves[0]), half(&halves[1]));
        let joined = |low: u32, high: u32| u64::from(low) | u64::from(high) << 32;
        *out = Classes {
            letters: joined(low[0], high[0]),
            digits: joined(low[1], high[1]),
            blanks: joined(low[2], high[2]),
            spaces: joined(low[3], high[3]),
            line_ends: joined(low[4], high[4]),
            apostrophes: joined(low[5], high[5]),
            wide: joined(low[6], high[6]),
        };
    }
}

/// The classes of 32 bytes in the order of `Classes`.
#[target_feature(enable = "avx2")]
#[inline]
fn half(block: &[u8; 32]) -> [u32; 7] {
    // SAFETY: the block holds 32 bytes; the load needs no alignment.
    let bytes = unsafe { _mm256_loadu_si256(block.as_ptr().cast()) };
    let bits = |found| _mm256_movemask_epi8(found) as u32;
    let equal = |byte: u8| bits(_mm256_cmpeq_epi8(bytes, _mm256_set1_epi8(byte as i8)));
    // Comparisons are signed: the range is moved to the lowest numbers that there are.
    let among = |bytes, first: u8, count: u8| {
        let moved = _mm256_add_epi8(bytes, _mm256_set1_epi8(0x80u8.wrapping_sub(first) as i8));
        bits(_mm256_cmpgt_epi8(_mm256_set1_epi8(0x80u8.wrapping_add(count) as i8), moved))
    };
    let spaces = equal(b' ');
    let line_ends = equal(b'\n') | equal(b'\r');
    let letters = among(_mm256_or_si256(bytes, _mm256_set1_epi8(0x20)), b'a', 26);
    let blanks = spaces | among(bytes, b'\t', 5) & !line_ends;
    [letters, among(bytes, b'0', 10), blanks, spaces, line_ends, equal(b'\''), bits(bytes)]
}
