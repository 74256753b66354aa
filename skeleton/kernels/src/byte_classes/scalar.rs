//! The classes of bytes by a table: the truth of every path.
use super::{BLOCK, Classes};

const LETTER: u8 = 1;
const DIGIT: u8 = 2;
const BLANK: u8 = 4;
const SPACE: u8 = 8;
const LINE_END: u8 = 16;
const APOSTROPHE: u8 = 32;
const WIDE: u8 = 64;
const TABLE: [u8; 256] = table();

const fn table() -> [u8; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = match byte as u8 {
            b'a'..=b'z' | b'A'..=b'Z' => LETTER,
            b'0'..=b'9' => DIGIT,
            b' ' => BLANK | SPACE,
            b'\t' | 0x0B | 0x0C => BLANK,
            b'\r' | b'\n' => LINE_END,
            b'\'' => APOSTROPHE,
            0x80.. => WIDE,
            _ => 0,
        };
        byte += 1;
    }
    table
}

/// One bit of each of eight bytes, gathered in the lowest eight; the factor moves bit 8k to 56 + k, without a carry.
fn gathered(eight: u64, class: u8) -> u64 {
    let bits = eight >> class.trailing_zeros() & 0x0101_0101_0101_0101;
    bits.wrapping_mul(0x0102_0408_1020_4080) >> 56
}

pub(super) fn blocks(text: &[[u8; BLOCK]], out: &mut [Classes]) {
    for (block, out) in text.iter().zip(out) {
        *out = Classes::default();
        for (place, eight) in block.as_chunks::<8>().0.iter().enumerate() {
            let eight = u64::from_le_bytes(eight.map(|byte| TABLE[byte as usize]));
            let put = |class| gathered(eight, class) << (8 * place);
            out.letters |= put(LETTER);
            out.digits |= put(DIGIT);
            out.blanks |= put(BLANK);
            out.spaces |= put(SPACE);
            out.line_ends |= put(LINE_END);
            out.apostrophes |= put(APOSTROPHE);
            out.wide |= put(WIDE);
        }
    }
}
