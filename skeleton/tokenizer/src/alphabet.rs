//! The byte-level alphabet: one printable character for each byte, so that a piece of bytes can be written in JSON.
//! Source: Radford et al. 2019 (GPT-2), the `bytes_to_unicode` table.

/// The character that stands for `byte`: itself where it is printable and not a space, else one of U+0100 … U+0143.
pub fn character(byte: u8) -> char {
    let shifted = match byte {
        0x21..=0x7E | 0xA1..=0xAC | 0xAE..=0xFF => return char::from(byte),
        0x00..=0x20 => u32::from(byte),
        0x7F..=0xA0 => u32::from(byte) - 0x7F + 0x21,
        0xAD => 0x43,
    };
    char::from_u32(0x100 + shifted).unwrap_or(char::REPLACEMENT_CHARACTER)
}

/// The byte that `character` stands for, or `None` where it stands for none.
pub fn byte(character: char) -> Option<u8> {
    match u32::from(character) {
        code @ (0x21..=0x7E | 0xA1..=0xAC | 0xAE..=0xFF) => u8::try_from(code).ok(),
        code @ 0x100..=0x120 => u8::try_from(code - 0x100).ok(),
        code @ 0x121..=0x142 => u8::try_from(code - 0x121 + 0x7F).ok(),
        0x143 => Some(0xAD),
        _ => None,
    }
}

/// The bytes that a piece spells, or `None` when one of its characters is outside of the alphabet.
pub fn bytes(piece: &str) -> Option<Vec<u8>> {
    piece.chars().map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_byte_has_its_own_printable_character_and_comes_back() {
        let characters: HashSet<char> = (0..=255).map(character).collect();
        assert_eq!(characters.len(), 256);
        for value in 0..=255 {
            assert_eq!(byte(character(value)), Some(value));
            assert!(!character(value).is_whitespace() && !character(value).is_control());
        }
    }

    #[test]
    fn the_space_is_spelled_as_in_gpt_2() {
        assert_eq!(character(b' '), 'Ġ');
        assert_eq!(character(b'\n'), 'Ċ');
        assert_eq!(bytes("Ġthe"), Some(b" the".to_vec()));
        assert_eq!(bytes("日"), None);
    }
}
