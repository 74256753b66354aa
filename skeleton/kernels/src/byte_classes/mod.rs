//! The class of each byte of a text, as bits: letters, digits, blanks, line ends. Cuts nothing and knows no Unicode.
//!
//! Source: Langdale and Lemire 2019, arXiv:1902.08318 (a text as sets of bits, 64 bytes at a time).
#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "aarch64")]
mod neon;
mod scalar;

use crate::cpu::{Level, on_path};
use foundation::{Fault, Outcome};

/// Bytes that one `Classes` tells of.
pub const BLOCK: usize = 64;

/// Which of 64 bytes are of a class: bit k is byte k. A byte behind the end of the text is in no class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Classes {
    /// `a` to `z` and `A` to `Z`.
    pub letters: u64,
    /// `0` to `9`.
    pub digits: u64,
    /// A space, a tab, U+000B or U+000C.
    pub blanks: u64,
    /// A space alone.
    pub spaces: u64,
    /// `\n` or `\r`.
    pub line_ends: u64,
    /// `'`.
    pub apostrophes: u64,
    /// Any byte from 0x80 on.
    pub wide: u64,
}

/// The classes of `text`, a block of 64 bytes each; the last may be shorter.
///
/// `Shape` unless `out` has one place for each block. Cost: one read of the text, about a cycle for 4 bytes.
pub fn classify(level: Level, text: &[u8], out: &mut [Classes]) -> Outcome<()> {
    if out.len() != text.len().div_ceil(BLOCK) {
        return Err(Fault::shape("blocks", text.len().div_ceil(BLOCK), out.len()));
    }
    let (whole, rest) = text.as_chunks::<BLOCK>();
    on_path!(level, blocks(whole, out));
    if let Some(last) = out.get_mut(whole.len()) {
        let mut block = [b'_'; BLOCK];
        block[..rest.len()].copy_from_slice(rest);
        scalar::blocks(&[block], std::slice::from_mut(last));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu;
    use proptest::prelude::*;

    fn bits(text: &[u8], is: impl Fn(u8) -> bool) -> u64 {
        text.iter().enumerate().fold(0, |bits, (at, &byte)| bits | u64::from(is(byte)) << at)
    }

    proptest! {
        #[test]
        fn every_path_gives_each_byte_its_class(text in proptest::collection::vec(any::<u8>(), 0..400)) {
            for &level in cpu::levels() {
                let mut found = vec![Classes::default(); text.len().div_ceil(BLOCK)];
                classify(level, &text, &mut found).unwrap();
                for (block, classes) in text.chunks(BLOCK).zip(&found) {
                    prop_assert_eq!(classes.letters, bits(block, |b| b.is_ascii_alphabetic()));
                    prop_assert_eq!(classes.digits, bits(block, |b| b.is_ascii_digit()));
                    prop_assert_eq!(classes.blanks, bits(block, |b| matches!(b, b' ' | b'\t' | 0x0B | 0x0C)));
                    prop_assert_eq!(classes.spaces, bits(block, |b| b == b' '));
                    prop_assert_eq!(classes.line_ends, bits(block, |b| matches!(b, b'\r' | b'\n')));
                    prop_assert_eq!(classes.apostrophes, bits(block, |b| b == b'\''));
                    prop_assert_eq!(classes.wide, bits(block, |b| b >= 0x80));
                }
            }
        }
    }

    #[test]
    fn another_count_of_blocks_is_refused() {
        assert!(matches!(classify(cpu::level(), b"abc", &mut []), Err(Fault::Shape { .. })));
    }
}
