//! Cuts a text into words, by hand for the known patterns. Merges nothing and reads no file.
use crate::classes::{BYTES, Classes, END, LETTER, NEWLINE, NUMBER, OTHER, SPACE};

/// A pattern that is cut by hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    /// GPT-2: only a space leads a word, contractions are lower-case, line ends are spaces.
    Gpt2,
    /// GPT-4, Llama 3 and Qwen: any one sign leads a word, at most `digits` digits stand together.
    Gpt4 {
        /// The most digits of one word.
        digits: usize,
    },
}

const GPT2: &str = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";
const QWEN: &str = crate::SPLIT_PATTERN;
const LLAMA_3: &str = concat!(
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|",
    r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
);
/// The same cuts as `LLAMA_3`: what it says of back-tracking and line ends changes no match.
const CL100K: &str = concat!(
    r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}{1,3}|",
    r" ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+"
);

impl Family {
    /// The family of a pattern, by its exact spelling; `None` for any other.
    pub(crate) fn of(pattern: &str) -> Option<Self> {
        match pattern {
            GPT2 => Some(Self::Gpt2),
            QWEN => Some(Self::Gpt4 { digits: 1 }),
            LLAMA_3 | CL100K => Some(Self::Gpt4 { digits: 3 }),
            _ => None,
        }
    }
}

/// Sixteen bytes of text from some place on, zeros behind its end.
#[derive(Clone, Copy)]
pub(crate) struct Window {
    /// The first eight, the first of all lowest.
    pub low: u64,
    /// The other eight.
    pub high: u64,
}

impl Window {
    #[inline(always)]
    pub(crate) fn at(text: &[u8], at: usize) -> Self {
        match text.get(at..).and_then(<[u8]>::first_chunk::<16>) {
            Some(bytes) => Self::of(bytes),
            None => Self::tail(text, at),
        }
    }

    #[inline(always)]
    fn of(bytes: &[u8; 16]) -> Self {
        let all = u128::from_le_bytes(*bytes);
        Self { low: all as u64, high: (all >> 64) as u64 }
    }

    #[cold]
    fn tail(text: &[u8], at: usize) -> Self {
        let mut bytes = [0; 16];
        let rest = text.get(at..).unwrap_or_default();
        bytes[..rest.len()].copy_from_slice(rest);
        Self::of(&bytes)
    }

    /// The first `length` bytes, zeros behind them; `length` is at most 15.
    #[inline(always)]
    pub(crate) fn first(self, length: usize) -> Self {
        let (low, high) = MASKS[length & 15];
        Self { low: self.low & low, high: self.high & high }
    }
}

const MASKS: [(u64, u64); 16] = masks();

const fn masks() -> [(u64, u64); 16] {
    let mut table = [(0, 0); 16];
    let mut length = 1;
    while length < 16 {
        let all = (1u128 << (8 * length)) - 1;
        table[length] = (all as u64, (all >> 64) as u64);
        length += 1;
    }
    table
}

/// Cuts by one family.
#[derive(Clone)]
pub(crate) struct Splitter {
    digits: usize,
    pub family: Family,
    pub classes: &'static Classes,
}

impl Splitter {
    pub(crate) fn new(family: Family) -> Self {
        let digits = match family {
            Family::Gpt2 => usize::MAX,
            Family::Gpt4 { digits } => digits,
        };
        Self { digits, family, classes: Classes::get() }
    }

    /// The end of the word that starts at `start`, which is inside of `text`; always behind `start`.
    #[inline]
    pub(crate) fn end(&self, text: &[u8], start: usize) -> usize {
        match self.family {
            Family::Gpt2 => self.end_gpt2(text, start),
            Family::Gpt4 { .. } => self.end_gpt4(text, start),
        }
    }

    fn end_gpt2(&self, text: &[u8], start: usize) -> usize {
        if text[start] == b'\''
            && let Some(end) = contraction(text, start, false)
        {
            return end;
        }
        let at = start + usize::from(text[start] == b' ');
        let (class, size) = self.classes.at(text, at);
        match class {
            LETTER => self.letters(text, at + size),
            NUMBER => self.numbers(text, at + size),
            OTHER => self.others(text, at + size),
            _ => self.spaces(text, start, false),
        }
    }

    fn end_gpt4(&self, text: &[u8], start: usize) -> usize {
        let (class, size) = self.classes.at(text, start);
        let next = start + size;
        match class {
            LETTER => return self.letters(text, next),
            NUMBER => return self.numbers(text, next),
            NEWLINE => return self.spaces(text, start, true),
            _ => {}
        }
        if text[start] == b'\''
            && let Some(end) = contraction(text, start, true)
        {
            return end;
        }
        let (following, following_size) = self.classes.at(text, next);
        if following == LETTER {
            return self.letters(text, next + following_size);
        }
        if class == OTHER || (following == OTHER && text[start] == b' ') {
            return newlines(text, self.others(text, next));
        }
        self.spaces(text, start, true)
    }

    #[inline(always)]
    fn run(&self, text: &[u8], mut at: usize, class: u8) -> usize {
        loop {
            match self.classes.at(text, at) {
                (found, size) if found == class => at += size,
                _ => return at,
            }
        }
    }

    fn letters(&self, text: &[u8], at: usize) -> usize {
        self.run(text, at, LETTER)
    }

    fn others(&self, text: &[u8], at: usize) -> usize {
        self.run(text, at, OTHER)
    }

    fn numbers(&self, text: &[u8], mut at: usize) -> usize {
        for _ in 1..self.digits {
            match self.classes.at(text, at) {
                (NUMBER, size) => at += size,
                _ => break,
            }
        }
        at
    }

    /// A run of spaces: to its last line end if those count, else to the end of the text, else all but the last space
    /// (it may lead a word), else the one that there is.
    fn spaces(&self, text: &[u8], start: usize, ends_count: bool) -> usize {
        let (mut at, mut last, mut line_end) = (start, start, None);
        loop {
            match self.classes.at(text, at) {
                (SPACE, size) => (last, at) = (at, at + size),
                (NEWLINE, size) => {
                    (last, at) = (at, at + size);
                    line_end = Some(at);
                }
                (END, _) => return line_end.filter(|_| ends_count).unwrap_or(at),
                _ => break,
            }
        }
        match line_end {
            Some(end) if ends_count => end,
            _ if last > start => last,
            _ => at,
        }
    }
}

#[inline(always)]
fn newlines(text: &[u8], at: usize) -> usize {
    let count = text[at..].iter().take_while(|&&byte| BYTES[byte as usize] == NEWLINE).count();
    at + count
}

/// The end of `'s`, `'t`, `'m`, `'d`, `'re`, `'ve` or `'ll` at `start`. In any case, `ſ` (U+017F) is an `s` too.
fn contraction(text: &[u8], start: usize, any_case: bool) -> Option<usize> {
    let letter = |offset: usize| {
        let byte = text.get(start + offset).copied().unwrap_or(0);
        if any_case { byte.to_ascii_lowercase() } else { byte }
    };
    match (letter(1), letter(2)) {
        (b's' | b't' | b'm' | b'd', _) => Some(start + 2),
        (b'r' | b'v', b'e') | (b'l', b'l') => Some(start + 3),
        (0xC5, 0xBF) if any_case => Some(start + 3),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cuts::Cuts;
    use proptest::prelude::*;
    use tokenizers::utils::SysRegex;

    const PATTERNS: [&str; 4] = [GPT2, QWEN, LLAMA_3, CL100K];

    fn ours(pattern: &str, text: &str) -> Vec<(usize, usize)> {
        let splitter = Splitter::new(Family::of(pattern).unwrap());
        let (mut cuts, mut at) = (Vec::new(), 0);
        while at < text.len() {
            let end = splitter.end(text.as_bytes(), at);
            cuts.push((at, end));
            at = end;
        }
        let mut by_bits = Vec::new();
        Cuts::new().words(&splitter, text.as_bytes(), |word| by_bits.push((word.start, word.end)));
        assert_eq!(by_bits, cuts, "{text:?}");
        cuts
    }

    fn theirs(pattern: &str, text: &str) -> Vec<(usize, usize)> {
        SysRegex::new(pattern).unwrap().find_iter(text).collect()
    }

    fn awkward() -> impl Strategy<Value = String> {
        let parts = prop_oneof![
            any::<String>(),
            "['’`]{1,2}([sStTmMdDſ]|[rRvV][eE]|[lL][lL]|ll|[kK]){1,2}",
            "[ \t\r\n\u{a0}\u{85}\u{2028}\u{3000}\u{b}]{0,5}",
            "[a-zA-Z]{0,20}",
            "[0-9٣Ⅳ½²]{0,7}",
            "[-+*/=<>(){}.,;:!?_#@$%^&|~\"\\\\]{0,4}",
            "[éßжλאبนकिो日本語ー한🙂\u{301}\u{200d}\u{feff}]{0,6}",
        ];
        // Repeated, a text reaches over the blocks and stretches that are cut at a time.
        (proptest::collection::vec(parts, 0..8), 1usize..40).prop_map(|(parts, times)| parts.concat().repeat(times))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn every_text_is_cut_where_oniguruma_cuts_it(text in awkward()) {
            for pattern in PATTERNS {
                prop_assert_eq!(ours(pattern, &text), theirs(pattern, &text), "{}", pattern);
            }
        }
    }

    #[test]
    fn no_other_character_makes_a_contraction() {
        for form in ["'_ ", "'_e ", "'r_ ", "'v_ ", "'_l ", "'l_ "] {
            let text: String = ('\0'..=char::MAX).map(|c| form.replace('_', c.encode_utf8(&mut [0; 4]))).collect();
            for pattern in PATTERNS {
                assert!(ours(pattern, &text) == theirs(pattern, &text), "{form} {pattern}");
            }
        }
    }

    #[test]
    fn a_pattern_is_known_by_its_exact_spelling_only() {
        assert_eq!(Family::of(GPT2), Some(Family::Gpt2));
        assert_eq!(Family::of(LLAMA_3), Some(Family::Gpt4 { digits: 3 }));
        assert_eq!(Family::of(&format!("{LLAMA_3} ")), None);
        assert_eq!(Family::of(r"\w+|\s+"), None);
    }
}
