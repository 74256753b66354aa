//! The tokenizer itself: text to ids and back. Prompts, templates and lengths are the caller's.
use crate::encoder::{Encoder, Lent};
use crate::file::{self, Checked, LARGEST_FILE_BYTES, Special};
use crate::reference::Reference;
use crate::{alphabet, compile};
use foundation::{Fault, Outcome};
use rayon::prelude::*;
use std::fs::File;
use std::io::Read;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// What to do with the spelling of a special token in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Specials {
    /// `<|end|>` becomes its one id. For templates that we wrote.
    Parse,
    /// `<|end|>` becomes the ids of its characters, as any text. For everything that a user or a file brings.
    AsText,
}

/// Ids, and for each the bytes of the text that it spells, widened to whole characters.
pub type Spans = (Vec<u32>, Vec<Range<usize>>);

/// The longest text that is encoded, in bytes (1 GiB).
pub const LARGEST_TEXT_BYTES: usize = 1 << 30;

/// A byte-level BPE tokenizer. Immutable; may be shared by threads.
///
/// Whatever the text, `decode(encode(text, AsText)) == text` for a file without a normaliser, and ids of `AsText` are
/// never special. Truncation, padding and templates that a file brings are not used. The ids are those of the
/// `tokenizers` crate for the same file.
///
/// Files with the pattern of GPT-2, GPT-4 (cl100k), Llama 3 or Qwen, without a normaliser or with NFC, are cut and merged
/// by this room's own code (`is_native`). Every other file is left to the `tokenizers` crate: right, but tens of times
/// slower. That holds for any other pattern or step before the merges, and for added tokens that stand only as whole
/// words or that a normaliser might change.
pub struct Tokenizer {
    reference: Reference,
    native: Option<Encoder>,
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
        let Checked { bytes, added, recipe } = file::check(json, path)?;
        let reference = Reference::read(json, path)?;
        for token in &added {
            let found = reference.id(&token.content);
            if found != Some(token.id) {
                let why = format!("{:?} has the id {}, read as {found:?}", token.content, token.id);
                return Err(Fault::corrupt(path, 0, why));
            }
        }
        let mut special = vec![false; bytes.len()];
        for token in added.iter().filter(|t| t.special) {
            special[token.id as usize] = true;
        }
        Ok(Self { reference, native: compile::encoder(&recipe), bytes, special, added, path: path.to_path_buf() })
    }

    /// Whether texts are cut and merged by this room's own code; else the `tokenizers` crate does it.
    pub fn is_native(&self) -> bool {
        self.native.is_some()
    }

    /// The ids of `text`. No token is added at either end. `OutOfRange` above 1 GiB; where `is_native`, nothing else
    /// fails. Cost: linear in the text, O(n log n) in a single word of n bytes. Keeps at most 8 MiB of words for each
    /// thread that encodes at the same time, which changes no id.
    pub fn encode(&self, text: &str, specials: Specials) -> Outcome<Vec<u32>> {
        self.encode_with(text, specials, self.native.as_ref().map(|native| native.spare.lend()).as_mut())
    }

    fn encode_with(&self, text: &str, specials: Specials, lent: Option<&mut Lent<'_>>) -> Outcome<Vec<u32>> {
        check_length(text)?;
        let as_text = specials == Specials::AsText;
        match (&self.native, lent) {
            (Some(native), Some(lent)) => Ok(native.encode(text, as_text, lent)),
            _ => self.reference.encode(text, as_text, &self.path),
        }
    }

    /// `encode`, and the bytes of `text` that each id spells, in order. An id that spells a part of a character has the
    /// whole character; one that took spaces along has them too. As `tokenizers` without a post-processor, which does
    /// the work for a text that NFC changes or that gets a leading space. Errors and cost as `encode`.
    pub fn encode_spans(&self, text: &str, specials: Specials) -> Outcome<Spans> {
        check_length(text)?;
        let as_text = specials == Specials::AsText;
        let native = self.native.as_ref().and_then(|native| native.encode_spans(text, as_text, &self.bytes));
        match native {
            Some((ids, spans)) => Ok((ids, spans.into_iter().map(|span| widened(text, span)).collect())),
            None => self.reference.encode_spans(text, as_text, &self.path),
        }
    }

    /// `encode` of every text, in order, over the threads of the pool that the caller runs it in.
    pub fn encode_batch(&self, texts: &[&str], specials: Specials) -> Outcome<Vec<Vec<u32>>> {
        let lend = || self.native.as_ref().map(|native| native.spare.lend());
        texts.par_iter().map_init(lend, |lent, text| self.encode_with(text, specials, lent.as_mut())).collect()
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
        self.reference.id(piece)
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
        self.reference.to_json()
    }
}

fn check_length(text: &str) -> Outcome<()> {
    match text.len() <= LARGEST_TEXT_BYTES {
        true => Ok(()),
        false => Err(Fault::out_of_range("bytes of a text", format!("0 ..= {LARGEST_TEXT_BYTES}"), text.len())),
    }
}

fn widened(text: &str, span: Range<usize>) -> Range<usize> {
    let start = (0..=span.start).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
    let end = (span.end..text.len()).find(|&at| text.is_char_boundary(at)).unwrap_or(text.len());
    start..end
}
