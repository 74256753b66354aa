//! Cuts a stretch of text into words 64 bytes at a time, with bits instead of branches. Where it cannot be sure, `split` cuts.
//!
//! A bit of `starts` says that a word starts at that byte, on the assumption that every wide character is a letter. A bit
//! of `unsure` stands where that fails: at other wide characters, at blanks before a line end and where the stretch ends.
//! What one start says depends on no byte behind the next one and on none before the word, so a word is cut right
//! when neither it nor the byte behind it and the next is unsure, and it began at a start.
//! Source: Langdale and Lemire 2019, arXiv:1902.08318 (a text as sets of bits).
use crate::classes::{Classes, LETTER, SPACE};
use crate::split::{Family, Splitter};
use kernels::byte_classes::{BLOCK, Classes as Block, classify};
use kernels::cpu::{Level, level};
use std::ops::Range;

/// Bytes of one stretch.
const STRETCH: usize = 4096;
/// Blocks of a stretch, and one for what stands behind its end.
const BLOCKS: usize = STRETCH / BLOCK + 1;
/// A stretch is left when its end hides a word that starts in so many last bytes.
const MARGIN: usize = 256;

/// One stretch of a text, cut.
pub(crate) struct Cuts {
    level: Level,
    blocks: Box<[Block; BLOCKS]>,
    starts: Box<[u64; BLOCKS]>,
    unsure: Box<[u64; BLOCKS]>,
}

/// What a block needs of the one before: its sets, of which the highest bits count, and what reaches over its end.
#[derive(Clone, Copy, Default)]
struct Before {
    letters: u64,
    digits: u64,
    digit_starts: u64,
    blanks: u64,
    spaces: u64,
    line_ends: u64,
    others: u64,
    alone: u64,
    /// Starts in this block that a contraction of the last one makes, and those that it takes away.
    made: u64,
    taken: u64,
}

#[inline(always)]
fn behind(set: u64, before: u64, places: u32) -> u64 {
    set << places | before >> (64 - places)
}

impl Cuts {
    pub(crate) fn new() -> Self {
        let none = || Box::new([0; BLOCKS]);
        Self { level: level(), blocks: Box::new([Block::default(); BLOCKS]), starts: none(), unsure: none() }
    }

    /// Cut `text` and hand every word to `take`, in order.
    #[inline(always)]
    pub(crate) fn words(&mut self, splitter: &Splitter, text: &[u8], mut take: impl FnMut(Range<usize>)) {
        let mut from = 0;
        while from < text.len() {
            let length = self.fill(splitter, &text[from..]);
            from = self.stretch(splitter, text, from, length, &mut take);
        }
    }

    /// Hand over the words from `from` on, as far as this stretch of `length` bytes is good for; the end of the last.
    #[inline(always)]
    fn stretch(
        &self,
        splitter: &Splitter,
        text: &[u8],
        from: usize,
        length: usize,
        take: &mut impl FnMut(Range<usize>),
    ) -> usize {
        let (mut start, mut place) = (0, 0);
        let mut bits = self.starts[0] & !1;
        let mut unsure = next(&self.unsure, 0);
        loop {
            while bits == 0 && place + 1 < BLOCKS {
                place += 1;
                bits = self.starts[place];
            }
            let end = place * BLOCK + bits.trailing_zeros() as usize;
            if end + 1 < unsure {
                take(from + start..from + end);
                start = end;
                bits &= bits - 1;
                continue;
            }
            loop {
                if start > 0 && start + MARGIN > length && from + length < text.len() {
                    return from + start;
                }
                let end = splitter.end(text, from + start) - from;
                take(from + start..from + end);
                start = end;
                if start >= length {
                    return from + start;
                }
                if self.starts[start / BLOCK] >> (start % BLOCK) & 1 == 1 {
                    break;
                }
            }
            place = start / BLOCK;
            bits = self.starts[place] & (u64::MAX - 1) << (start % BLOCK);
            unsure = next(&self.unsure, start);
        }
    }

    /// Find the starts of the first bytes of `text`, which is not empty and starts with a word; how many bytes.
    fn fill(&mut self, splitter: &Splitter, text: &[u8]) -> usize {
        let mut length = text.len().min(STRETCH);
        while length < text.len() && text[length] & 0xC0 == 0x80 {
            length -= 1;
        }
        let text = &text[..length];
        let count = length.div_ceil(BLOCK);
        if classify(self.level, text, &mut self.blocks[..count]).is_err() {
            self.unsure[0] = 1;
        }
        self.blocks[count..].fill(Block::default());
        self.starts.fill(0);
        self.unsure.fill(0);
        let mut before = Before::default();
        for place in 0..count {
            before = match splitter.family {
                Family::Gpt2 => self.block_gpt2(text, place, before),
                Family::Gpt4 { digits } => self.block_gpt4(text, place, before, digits),
            };
        }
        self.wide(splitter.classes, text, count);
        self.mark(length);
        self.mark_spaces_before(text, length);
        length
    }

    fn block_gpt4(&mut self, text: &[u8], place: usize, before: Before, digits: usize) -> Before {
        let (block, next) = (self.blocks[place], self.blocks[place + 1]);
        let letters = block.letters | block.wide;
        let others = !(letters | block.digits | block.blanks | block.line_ends);
        let after_blank = behind(block.blanks, before.blanks, 1);
        let after_other = behind(others, before.others, 1);
        let after_end = behind(block.line_ends, before.line_ends, 1);
        let alone = others & !after_other & !behind(block.spaces, before.spaces, 1);
        let first_letters =
            letters & !behind(letters, before.letters, 1) & !after_blank & !behind(alone, before.alone, 1);
        let blank_next = block.blanks >> 1 | next.blanks << 63;
        let blanks = block.blanks & !(after_blank & blank_next);
        let ends = block.line_ends & !after_end & !after_other & !after_blank;
        let digit_starts = groups(block.digits, before, digits);
        let mut now = Before { letters, digits: block.digits, digit_starts, ..Before::default() };
        (now.blanks, now.spaces, now.line_ends, now.others, now.alone) =
            (block.blanks, block.spaces, block.line_ends, others, alone);
        let mut starts = first_letters | alone | blanks | ends | digit_starts | before.made;
        let mut quotes = block.apostrophes & alone & (letters >> 1 | (next.letters | next.wide) << 63);
        while quotes != 0 {
            let at = quotes.trailing_zeros();
            quotes &= quotes - 1;
            let length = contraction(text, place * BLOCK + at as usize, 0x20);
            starts |= if length > 0 { 1u64.checked_shl(at + length).unwrap_or(0) } else { 0 };
            now.made |= if at + length >= 64 { 1 << (at + length - 64) } else { 0 };
        }
        self.starts[place] = starts;
        let mut trailing = block.blanks & (block.line_ends >> 1 | next.line_ends << 63);
        while trailing != 0 {
            self.mark_spaces_before(text, place * BLOCK + trailing.trailing_zeros() as usize + 1);
            trailing &= trailing - 1;
        }
        now
    }

    fn block_gpt2(&mut self, text: &[u8], place: usize, before: Before) -> Before {
        let (block, next) = (self.blocks[place], self.blocks[place + 1]);
        let letters = block.letters | block.wide;
        let blanks = block.blanks | block.line_ends;
        let others = !(letters | block.digits | blanks);
        let led = behind(block.spaces, before.spaces, 1);
        let alone = others & !behind(others, before.others, 1) & !led;
        let first_letters = letters & !behind(letters, before.letters, 1) & !led;
        let first_digits = block.digits & !behind(block.digits, before.digits, 1) & !led;
        let blank_next = blanks >> 1 | (next.blanks | next.line_ends) << 63;
        let split_blanks = blanks & !(behind(blanks, before.blanks, 1) & blank_next);
        let mut now = Before { letters, digits: block.digits, blanks, spaces: block.spaces, ..Before::default() };
        (now.others, now.alone) = (others, alone);
        let mut starts = (first_letters | alone | first_digits | split_blanks) & !before.taken | before.made;
        let mut quotes = block.apostrophes & alone & (letters >> 1 | (next.letters | next.wide) << 63);
        while quotes != 0 {
            let at = quotes.trailing_zeros();
            quotes &= quotes - 1;
            let length = contraction(text, place * BLOCK + at as usize, 0);
            if length > 0 {
                starts &= !1u64.checked_shl(at + 1).unwrap_or(0);
                starts |= 1u64.checked_shl(at + length).unwrap_or(0);
                now.taken |= u64::from(at == 63);
                now.made |= if at + length >= 64 { 1 << (at + length - 64) } else { 0 };
            }
        }
        self.starts[place] = starts;
        now
    }

    /// Mark wide characters that are no letters, and `ſ`, which ends a contraction.
    fn wide(&mut self, classes: &Classes, text: &[u8], count: usize) {
        let mut done = 0;
        for place in 0..count {
            let mut wide = self.blocks[place].wide;
            while wide != 0 {
                let at = place * BLOCK + wide.trailing_zeros() as usize;
                if at < done {
                    wide &= wide - 1;
                    continue;
                }
                let (class, size) = classes.at(text, at);
                done = at + size;
                wide &= u64::MAX.checked_shl((done - place * BLOCK) as u32).unwrap_or(0);
                if class != LETTER || text[at..].starts_with("ſ".as_bytes()) {
                    (at..done).for_each(|byte| self.mark(byte));
                    if class == SPACE {
                        self.mark_spaces_before(text, at);
                    }
                }
            }
        }
    }

    fn mark(&mut self, byte: usize) {
        self.unsure[byte / BLOCK] |= 1 << (byte % BLOCK);
    }

    /// Mark the blanks and line ends that stand right before `end`: how they are cut hangs on what follows.
    fn mark_spaces_before(&mut self, text: &[u8], end: usize) {
        for at in (0..end).rev().take_while(|&at| matches!(text[at], b'\t'..=b'\r' | b' ')) {
            self.mark(at);
        }
    }
}

/// The first digit of each group of `most` in a run of digits; `most` is 1 to 3.
#[inline(always)]
fn groups(digits: u64, before: Before, most: usize) -> u64 {
    if most == 1 {
        return digits;
    }
    let after_one = behind(digits, before.digits, 1);
    let inside = digits & after_one & behind(digits, before.digits, 2);
    let mut fresh = digits & !after_one | inside & before.digit_starts >> (64 - 3);
    let mut starts = fresh;
    while fresh != 0 {
        fresh = fresh << 3 & inside;
        starts |= fresh;
    }
    starts
}

/// The length of a contraction at `start`, where an apostrophe stands, or 0; letters are compared with `fold` set.
fn contraction(text: &[u8], start: usize, fold: u8) -> u32 {
    let letter = |offset: usize| text.get(start + offset).copied().unwrap_or(0) | fold;
    match (letter(1), letter(2)) {
        (b's' | b't' | b'm' | b'd', _) => 2,
        (b'r' | b'v', b'e') | (b'l', b'l') => 3,
        _ => 0,
    }
}

/// The first place from `from` on whose bit is set, or the end of all.
#[inline]
fn next(set: &[u64; BLOCKS], from: usize) -> usize {
    let mut place = from / BLOCK;
    let mut bits = set[place] & u64::MAX << (from % BLOCK);
    while bits == 0 && place + 1 < BLOCKS {
        place += 1;
        bits = set[place];
    }
    place * BLOCK + bits.trailing_zeros() as usize
}
