//! The normal form C of a text, by the tables of the `tokenizers` crate. Decides nothing about words.
use std::borrow::Cow;
use std::sync::LazyLock;
use unicode_normalization_alignments::char::canonical_combining_class;
use unicode_normalization_alignments::{IsNormalized, UnicodeNormalization, is_nfc_quick};

/// Below U+0300, whose first byte is this, every text is its own normal form.
const FIRST: u8 = 0xCC;
const BLOCK: usize = 64;

/// A bit for each character below U+10000 that stands as it is, whatever its neighbours.
static PLAIN: LazyLock<Box<[u64]>> = LazyLock::new(|| {
    let mut bits = vec![0u64; 0x1_0000 / 64];
    for character in ('\0'..='\u{FFFF}').filter(|&character| is_plain(character)) {
        bits[character as usize / 64] |= 1 << (character as u32 % 64);
    }
    bits.into()
});

fn is_plain(character: char) -> bool {
    canonical_combining_class(character) == 0 && is_nfc_quick([character].into_iter()) == IsNormalized::Yes
}

/// The normal form C; the text itself where it is in that form. The first text that needs it makes a table (about a
/// millisecond, 8 KiB).
pub(crate) fn compose(text: &str) -> Cow<'_, str> {
    let wide = |block: &[u8]| block.iter().fold(0, |highest, &byte| highest.max(byte)) >= FIRST;
    if !text.as_bytes().chunks(BLOCK).any(wide) {
        return Cow::Borrowed(text);
    }
    let plain = &**PLAIN;
    let stands =
        |character: char| plain.get(character as usize / 64).is_some_and(|b| b >> (character as u32 % 64) & 1 == 1);
    if text.chars().all(stands) || is_nfc_quick(text.chars()) == IsNormalized::Yes {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.nfc().map(|(character, _)| character).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_text_comes_to_the_form_that_the_tables_say(text in "[a-zé\u{300}\u{301}\u{327}각ᄀ\u{1161}\u{11a8}カ\u{3099}\u{212b}🙂]{0,90}") {
            let whole: String = text.nfc().map(|(character, _)| character).collect();
            prop_assert_eq!(compose(&text), whole);
        }
    }
}
