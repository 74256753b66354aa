//! Which code points are letters, numbers and spaces, as Oniguruma 6.9.10 has them. Knows no pattern.
//!
//! Source: Unicode 16, general categories L and N, property White_Space (tables of `regex-syntax`). A test compares
//! every code point with the engine that `tokenizers` uses.
use regex_syntax::hir::{Class, HirKind};
use std::sync::LazyLock;

/// A code point that is none of the others: signs, marks, controls.
pub(crate) const OTHER: u8 = 0;
/// `\p{L}`.
pub(crate) const LETTER: u8 = 1;
/// `\p{N}`.
pub(crate) const NUMBER: u8 = 2;
/// `\s` without the two line ends.
pub(crate) const SPACE: u8 = 3;
/// `\r` or `\n`.
pub(crate) const NEWLINE: u8 = 4;
/// The end of the text.
pub(crate) const END: u8 = 5;
/// A byte of a longer character; only in `BYTES`.
const WIDE: u8 = 6;

const BLOCK: usize = 128;
const BLOCKS: usize = 0x11_0000 / BLOCK;

/// The class of each byte below 128; `WIDE` above.
pub(crate) const BYTES: [u8; 256] = bytes();

const fn bytes() -> [u8; 256] {
    let mut table = [OTHER; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = match byte as u8 {
            b'a'..=b'z' | b'A'..=b'Z' => LETTER,
            b'0'..=b'9' => NUMBER,
            b'\r' | b'\n' => NEWLINE,
            b' ' | b'\t' | 0x0B | 0x0C => SPACE,
            0x80.. => WIDE,
            _ => OTHER,
        };
        byte += 1;
    }
    table
}

/// Classes of all code points in two steps: a block of 128, then a place in it. Equal blocks are kept once.
pub(crate) struct Classes {
    blocks: Box<[u16]>,
    table: Vec<u8>,
}

static ALL: LazyLock<Classes> = LazyLock::new(Classes::build);

impl Classes {
    /// The one table of the process, made at its first use (about a millisecond).
    pub(crate) fn get() -> &'static Self {
        &ALL
    }

    fn build() -> Self {
        let mut flat = vec![OTHER; BLOCK * BLOCKS];
        for (pattern, class) in [(r"\p{L}", LETTER), (r"\p{N}", NUMBER), (r"\s", SPACE)] {
            for (first, last) in ranges(pattern) {
                flat[first as usize..=last as usize].fill(class);
            }
        }
        flat[..128].copy_from_slice(&BYTES[..128]);
        let mut built = Self { blocks: vec![0; BLOCKS].into_boxed_slice(), table: Vec::new() };
        for (slot, block) in built.blocks.iter_mut().zip(flat.chunks_exact(BLOCK)) {
            let known = built.table.chunks_exact(BLOCK).position(|seen| seen == block);
            let index = known.unwrap_or(built.table.len() / BLOCK);
            if known.is_none() {
                built.table.extend_from_slice(block);
            }
            *slot = index as u16;
        }
        built
    }

    /// The class of a code point; `OTHER` above U+10FFFF.
    #[inline(always)]
    pub(crate) fn of(&self, code: u32) -> u8 {
        let code = code as usize;
        let block = self.blocks.get(code / BLOCK).copied().unwrap_or(0) as usize;
        self.table.get(block * BLOCK + code % BLOCK).copied().unwrap_or(OTHER)
    }

    /// The class and the bytes of the character that starts at `at`, `(END, 0)` behind the last. `text` is UTF-8.
    #[inline(always)]
    pub(crate) fn at(&self, text: &[u8], at: usize) -> (u8, usize) {
        match text.get(at) {
            None => (END, 0),
            Some(&byte) if byte < 0x80 => (BYTES[byte as usize], 1),
            Some(&byte) => self.wide(&text[at..], byte),
        }
    }

    #[inline(always)]
    fn wide(&self, text: &[u8], lead: u8) -> (u8, usize) {
        let low = |byte: u8| u32::from(byte & 0x3F);
        match *text {
            [_, b, ..] if lead < 0xE0 => (self.of(u32::from(lead & 0x1F) << 6 | low(b)), 2),
            [_, b, c, ..] if lead < 0xF0 => (self.of(u32::from(lead & 0x0F) << 12 | low(b) << 6 | low(c)), 3),
            [_, b, c, d, ..] => (self.of(u32::from(lead & 0x07) << 18 | low(b) << 12 | low(c) << 6 | low(d)), 4),
            _ => (OTHER, text.len()),
        }
    }
}

fn ranges(pattern: &str) -> Vec<(u32, u32)> {
    let parsed = regex_syntax::parse(pattern).map(regex_syntax::hir::Hir::into_kind);
    match parsed {
        Ok(HirKind::Class(Class::Unicode(class))) => {
            class.ranges().iter().map(|range| (u32::from(range.start()), u32::from(range.end()))).collect()
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokenizers::utils::SysRegex;

    fn matched(pattern: &str) -> Vec<bool> {
        let all: String = ('\0'..=char::MAX).collect();
        let mut found = vec![false; 0x11_0000];
        for (start, end) in SysRegex::new(pattern).unwrap().find_iter(&all) {
            all[start..end].chars().for_each(|c| found[c as usize] = true);
        }
        found
    }

    #[test]
    fn every_code_point_has_the_class_that_oniguruma_gives_it() {
        let (letters, numbers, spaces) = (matched(r"\p{L}"), matched(r"\p{N}"), matched(r"\s"));
        for c in '\0'..=char::MAX {
            let code = c as usize;
            let expected = match (letters[code], numbers[code], spaces[code]) {
                (true, false, false) => LETTER,
                (false, true, false) => NUMBER,
                (false, false, true) if c == '\r' || c == '\n' => NEWLINE,
                (false, false, true) => SPACE,
                _ => OTHER,
            };
            let mut bytes = [0; 4];
            let size = c.encode_utf8(&mut bytes).len();
            assert_eq!(Classes::get().at(&bytes[..size], 0), (expected, size), "U+{code:04X}");
        }
    }
}
