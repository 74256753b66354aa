//! Turns a stream of ids into text as it comes, without ever splitting a character. Keeps no more than three bytes back.
use crate::Tokenizer;
use foundation::Outcome;
use std::sync::Arc;

/// A decoder of one stream. What `push` and `finish` return, joined, equals `decode` of all ids.
pub struct StreamDecoder {
    tokenizer: Arc<Tokenizer>,
    pending: Vec<u8>,
    skip_special: bool,
}

impl StreamDecoder {
    /// A decoder at the start of a stream.
    pub fn new(tokenizer: Arc<Tokenizer>, skip_special: bool) -> Self {
        Self { tokenizer, pending: Vec::new(), skip_special }
    }

    /// The whole characters that are known after these ids; perhaps none. `OutOfRange` for an unknown id, before
    /// anything is taken in.
    pub fn push(&mut self, ids: &[u32]) -> Outcome<String> {
        let mut fresh = Vec::new();
        for &id in ids {
            let piece = self.tokenizer.token_bytes(id)?;
            if !(self.skip_special && self.tokenizer.is_special(id)) {
                fresh.extend_from_slice(piece);
            }
        }
        self.pending.extend_from_slice(&fresh);
        let whole = self.pending.len() - unfinished(&self.pending);
        let text = String::from_utf8_lossy(&self.pending[..whole]).into_owned();
        self.pending.drain(..whole);
        Ok(text)
    }

    /// What is left when the stream ends: U+FFFD where a character never came to its end, else nothing.
    pub fn finish(&mut self) -> String {
        let text = String::from_utf8_lossy(&self.pending).into_owned();
        self.pending.clear();
        text
    }
}

/// How many bytes at the end may still become a character.
fn unfinished(bytes: &[u8]) -> usize {
    let longest = bytes.len().min(3);
    (1..=longest)
        .rev()
        .find(|&n| match std::str::from_utf8(&bytes[bytes.len() - n..]) {
            Ok(_) => false,
            Err(error) => error.valid_up_to() == 0 && error.error_len().is_none(),
        })
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_start_of_a_character_is_kept_back() {
        assert_eq!(unfinished(b"abc"), 0);
        assert_eq!(unfinished("a🙂".as_bytes()), 0);
        assert_eq!(unfinished(&"🙂".as_bytes()[..3]), 3);
        assert_eq!(unfinished(&[b'a', 0xE6]), 1);
        assert_eq!(unfinished(&[0xFF]), 0);
        assert_eq!(unfinished(&[0xE6, 0x41]), 0);
    }
}
