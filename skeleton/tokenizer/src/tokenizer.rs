//! The tokenizer itself: text to ids and back. Prompts, templates and lengths are the caller's.
use crate::alphabet;
use crate::file::{self, Checked, LARGEST_FILE_BYTES, Special};
use foundation::{Fault, Outcome};
use rayon::prelude::*;
use std::fs::File;
use std::io::Read;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

/// What to do with the spelling of a special token in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Specials {
    /// `<|end|>` becomes its one id. For templates that we wrote.
    Parse,
    /// `<|end|>` becomes the ids of its characters, as any text. For everything that a user or a file brings.
    AsText,
}

/// A byte-level BPE tokenizer. Immutable; may be shared by threads.
///
/// Whatever the text, `decode(encode(text, AsText)) == text` for a file without a normaliser, and ids of `AsText` are
/// never special. Truncation, padding and templates that a file brings are not used.
pub struct Tokenizer {
    parsing: tokenizers::Tokenizer,
    plain: tokenizers::Tokenizer,
    bytes: Vec<Option<Box<[u8]>>>,
    special: Vec<bool>,
    added: Vec<Special>,
    path: PathBuf,
}

impl Tokenizer {
    /// Read a `tokenizer.json`. `Io` where it cannot be read, else as `from_bytes`.
    pub fn open(path: &Path) -> Outcome<Self> {
        let io = |error| Fault::io(path, error);
        let file = File::open(path).map_err(io)?;
        let mut json = Vec::new();
        file.take(LARGEST_FILE_BYTES + 1).read_to_end(&mut json).map_err(io)?;
        Self::checked(&json, path)
    }

    /// Read the bytes of a `tokenizer.json`. Hostile bytes are refused: `Corrupt` says why, `Exhausted` above 64 MiB,
    /// `Unsupported` for another kind of tokenizer.
    pub fn from_bytes(json: &[u8]) -> Outcome<Self> {
        Self::checked(json, Path::new("tokenizer.json"))
    }

    fn checked(json: &[u8], path: &Path) -> Outcome<Self> {
        let Checked { bytes, added } = file::check(json, path)?;
        let corrupt = |why: String| Fault::corrupt(path, 0, why);
        let read = catch_unwind(AssertUnwindSafe(|| tokenizers::Tokenizer::from_bytes(json)));
        let mut parsing = match read {
            Ok(Ok(inner)) => inner,
            Ok(Err(error)) => return Err(corrupt(error.to_string())),
            Err(_) => return Err(corrupt("its parser gave up".into())),
        };
        parsing.with_truncation(None).map_err(|error| corrupt(error.to_string()))?;
        parsing.with_padding(None);
        for token in &added {
            let found = parsing.token_to_id(&token.content);
            if found != Some(token.id) {
                return Err(corrupt(format!("{:?} has the id {}, read as {found:?}", token.content, token.id)));
            }
        }
        let mut plain = parsing.clone();
        plain.set_encode_special_tokens(true);
        let mut special = vec![false; bytes.len()];
        for token in added.iter().filter(|t| t.special) {
            special[token.id as usize] = true;
        }
        Ok(Self { parsing, plain, bytes, special, added, path: path.to_path_buf() })
    }

    /// The ids of `text`. Cost: linear in its length. No token is added at either end.
    pub fn encode(&self, text: &str, specials: Specials) -> Outcome<Vec<u32>> {
        let inner = match specials {
            Specials::Parse => &self.parsing,
            Specials::AsText => &self.plain,
        };
        match catch_unwind(AssertUnwindSafe(|| inner.encode_fast(text, false))) {
            Ok(Ok(encoding)) => Ok(encoding.get_ids().to_vec()),
            Ok(Err(error)) => Err(Fault::corrupt(&self.path, 0, format!("it does not encode a text: {error}"))),
            Err(_) => Err(Fault::corrupt(&self.path, 0, "its pattern gave up on a text")),
        }
    }

    /// `encode` of every text, in order, over the threads of the pool that the caller runs it in.
    pub fn encode_batch(&self, texts: &[&str], specials: Specials) -> Outcome<Vec<Vec<u32>>> {
        texts.par_iter().map(|text| self.encode(text, specials)).collect()
    }

    /// The text of `ids`. Bytes that are no UTF-8 become U+FFFD; special tokens are written out unless `skip_special`.
    /// `OutOfRange` for an id that the vocabulary does not have.
    pub fn decode(&self, ids: &[u32], skip_special: bool) -> Outcome<String> {
        let mut bytes = Vec::with_capacity(ids.len() * 4);
        for &id in ids {
            let piece = self.token_bytes(id)?;
            if !(skip_special && self.is_special(id)) {
                bytes.extend_from_slice(piece);
            }
        }
        Ok(String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
    }

    /// The bytes that an id stands for. `OutOfRange` for an id that the vocabulary does not have.
    pub fn token_bytes(&self, id: u32) -> Outcome<&[u8]> {
        match self.bytes.get(id as usize) {
            Some(Some(bytes)) => Ok(bytes),
            _ => Err(Fault::out_of_range("token", format!("the vocabulary's 0 .. {}", self.bytes.len()), id)),
        }
    }

    /// The id of a piece as the file spells it (`Ġthe`, `<|end|>`), or `None`.
    pub fn id(&self, piece: &str) -> Option<u32> {
        self.parsing.token_to_id(piece)
    }

    /// Whether `id` is a special token; an id outside of the vocabulary is not.
    pub fn is_special(&self, id: u32) -> bool {
        self.special.get(id as usize).copied().unwrap_or(false)
    }

    /// One more than the largest id: the rows that an embedding needs.
    pub fn vocabulary(&self) -> usize {
        self.bytes.len()
    }

    /// The added tokens, in the order of their ids.
    pub fn added(&self) -> &[Special] {
        &self.added
    }

    /// The id of every single byte: how a prompt is written that has one token a byte.
    pub fn byte_ids(&self) -> Outcome<[u32; 256]> {
        let mut ids = [0; 256];
        for (slot, byte) in ids.iter_mut().zip(0..=255u8) {
            let piece = alphabet::character(byte).to_string();
            *slot = self.id(&piece).ok_or_else(|| Fault::bug(format!("the byte {byte:#04x} has no piece")))?;
        }
        Ok(ids)
    }

    /// The tokenizer as the bytes of a `tokenizer.json`.
    pub fn to_json(&self) -> Outcome<String> {
        self.parsing
            .to_string(true)
            .map_err(|error| Fault::bug(format!("a tokenizer that was read is not written: {error}")))
    }
}
