//! Checks a `tokenizer.json` whole before the `tokenizers` crate reads it. Decides nothing about how text is merged.
use crate::alphabet;
use foundation::{Fault, Outcome};
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::path::Path;

/// The largest `tokenizer.json` that is read, in bytes (64 MiB).
pub const LARGEST_FILE_BYTES: u64 = 64 << 20;

/// Ids may leave gaps, but a table over all of them must stay in proportion to the file.
const LARGEST_GAP: u64 = 1024;

/// A token that text does not spell: it is parsed only where the caller says so.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Special {
    /// Its id.
    pub id: u32,
    /// How a template writes it, `<|end|>` for example.
    pub content: String,
    /// Whether it is a control token; other added tokens are ordinary pieces that are matched first.
    pub special: bool,
}

/// What a checked file says.
pub(crate) struct Checked {
    /// Bytes of every id; `None` where the ids have a gap.
    pub bytes: Vec<Option<Box<[u8]>>>,
    /// The added tokens, by id.
    pub added: Vec<Special>,
    /// What an encoder is made of.
    pub recipe: Recipe,
}

/// The parts of a file that say how text is cut and merged.
pub(crate) struct Recipe {
    pub added: Vec<Added>,
    pub normalizer: Option<serde_json::Value>,
    pub pre_tokenizer: Option<serde_json::Value>,
    pub ignore_merges: bool,
    /// Pieces and their ids, no piece twice.
    pub pieces: Vec<(String, u32)>,
    /// By rising rank.
    pub merges: Vec<Merge>,
}

/// An added token with the rules by which it is found; in the order of the file.
#[derive(Deserialize)]
pub(crate) struct Added {
    pub id: u32,
    pub content: String,
    pub special: bool,
    #[serde(default)]
    pub single_word: bool,
    #[serde(default)]
    pub lstrip: bool,
    #[serde(default)]
    pub rstrip: bool,
    #[serde(default)]
    pub normalized: bool,
}

#[derive(Deserialize)]
struct File {
    #[serde(default)]
    added_tokens: Vec<Added>,
    normalizer: Option<serde_json::Value>,
    pre_tokenizer: Option<serde_json::Value>,
    decoder: Option<Kind>,
    model: Model,
}

#[derive(Deserialize)]
struct Kind {
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Deserialize)]
struct Model {
    #[serde(rename = "type")]
    kind: String,
    dropout: Option<f64>,
    continuing_subword_prefix: Option<String>,
    end_of_word_suffix: Option<String>,
    #[serde(default)]
    byte_fallback: bool,
    #[serde(default)]
    ignore_merges: bool,
    vocab: Pieces,
    merges: Vec<Merge>,
}

#[derive(Deserialize)]
#[serde(untagged)]
pub(crate) enum Merge {
    Pair(String, String),
    Line(String),
}

impl Merge {
    /// What it joins; the older way of writing puts a space between.
    pub(crate) fn sides(&self) -> (&str, &str) {
        match self {
            Self::Pair(left, right) => (left, right),
            Self::Line(line) => line.split_once(' ').unwrap_or((line, "")),
        }
    }

    fn joined(&self) -> String {
        let (left, right) = self.sides();
        [left, right].concat()
    }

    /// The older way may open with a line that names its version.
    fn is_version(&self) -> bool {
        matches!(self, Self::Line(line) if line.starts_with("#version"))
    }
}

/// The vocabulary in the order of the file; a map would lose a piece that stands there twice.
struct Pieces(Vec<(String, u32)>);

impl<'de> Deserialize<'de> for Pieces {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Pieces;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "a map of pieces to ids")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pieces, A::Error> {
                let mut pieces = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    pieces.push(entry);
                }
                Ok(Pieces(pieces))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

/// Check a file. Cost: one pass over the JSON. `Corrupt` names what is wrong, `Unsupported` what this room does not do.
pub(crate) fn check(json: &[u8], path: &Path) -> Outcome<Checked> {
    if json.len() as u64 > LARGEST_FILE_BYTES {
        let need = json.len() as u64;
        return Err(Fault::Exhausted { what: "bytes of a tokenizer.json".into(), need, have: LARGEST_FILE_BYTES });
    }
    let file: File = serde_json::from_slice(json).map_err(|error| {
        let offset = byte_offset(json, error.line(), error.column());
        Fault::corrupt(path, offset, error.to_string())
    })?;
    check_kind(&file)?;
    let corrupt = |why: String| Fault::corrupt(path, 0, why);
    check_specials(&file).map_err(corrupt)?;
    let bytes = table(&file).map_err(corrupt)?;
    let named = |token: &Added| Special { id: token.id, content: token.content.clone(), special: token.special };
    let mut added: Vec<Special> = file.added_tokens.iter().map(named).collect();
    added.sort_by_key(|token| token.id);
    Ok(Checked { bytes, added, recipe: Recipe::of(file) })
}

impl Recipe {
    fn of(file: File) -> Self {
        let mut merges = file.model.merges;
        merges.retain(|merge| !merge.is_version());
        Self {
            added: file.added_tokens,
            normalizer: file.normalizer,
            pre_tokenizer: file.pre_tokenizer,
            ignore_merges: file.model.ignore_merges,
            pieces: file.model.vocab.0,
            merges,
        }
    }
}

fn byte_offset(json: &[u8], line: usize, column: usize) -> u64 {
    let before: usize = json.split(|&b| b == b'\n').take(line.saturating_sub(1)).map(|l| l.len() + 1).sum();
    before.saturating_add(column.saturating_sub(1)).min(json.len()) as u64
}

fn check_kind(file: &File) -> Outcome<()> {
    let unsupported = |what: &str| {
        let instead = "byte-level BPE without drop-out, prefixes or byte fall-back".to_string();
        Err(Fault::Unsupported { what: what.to_string(), instead })
    };
    let model = &file.model;
    let filled = |text: &Option<String>| text.as_ref().is_some_and(|t| !t.is_empty());
    if model.kind != "BPE" {
        return unsupported(&format!("a tokenizer of the kind {:?}", model.kind));
    }
    if model.dropout.is_some_and(|p| p != 0.0) {
        return unsupported("a tokenizer with drop-out");
    }
    if filled(&model.continuing_subword_prefix) || filled(&model.end_of_word_suffix) || model.byte_fallback {
        return unsupported("a tokenizer whose pieces are not plain bytes");
    }
    if file.decoder.as_ref().is_none_or(|d| d.kind != "ByteLevel") || !names_byte_level(file.pre_tokenizer.as_ref()) {
        return unsupported("a tokenizer that is not byte-level");
    }
    Ok(())
}

fn names_byte_level(value: Option<&serde_json::Value>) -> bool {
    let Some(value) = value else { return false };
    let inside = value.get("pretokenizers").and_then(|list| list.as_array());
    value.get("type").is_some_and(|t| t == "ByteLevel")
        || inside.is_some_and(|list| list.iter().any(|step| step.get("type").is_some_and(|t| t == "ByteLevel")))
}

/// No merge and no single byte may spell a special token, or ordinary text could smuggle one in.
fn check_specials(file: &File) -> Result<(), String> {
    let specials: HashSet<&str> = file.added_tokens.iter().filter(|t| t.special).map(|t| t.content.as_str()).collect();
    for token in &file.added_tokens {
        if token.content.is_empty() {
            return Err(format!("added token {} is empty", token.id));
        }
        let mut characters = token.content.chars();
        if token.special && characters.next().and_then(alphabet::byte).is_some() && characters.next().is_none() {
            return Err(format!("special token {:?} is the piece of a single byte", token.content));
        }
    }
    if let Some(merge) = file.model.merges.iter().map(Merge::joined).find(|m| specials.contains(m.as_str())) {
        return Err(format!("a merge makes the special token {merge:?}"));
    }
    let shared = file.model.vocab.0.iter().find(|(piece, _)| specials.contains(piece.as_str()));
    match shared {
        Some((piece, _)) if file.model.ignore_merges => {
            Err(format!("special token {piece:?} is a piece too, and merges are ignored"))
        }
        _ => Ok(()),
    }
}

fn table(file: &File) -> Result<Vec<Option<Box<[u8]>>>, String> {
    let pieces = &file.model.vocab.0;
    let added: HashMap<&str, u32> = file.added_tokens.iter().map(|t| (t.content.as_str(), t.id)).collect();
    if added.len() != file.added_tokens.len() {
        return Err("an added token stands there twice".into());
    }
    let bound = (pieces.len() + added.len()) as u64 + LARGEST_GAP;
    let mut table: Vec<Option<Box<[u8]>>> = Vec::new();
    let mut place = |id: u32, bytes: Vec<u8>, name: &str| {
        if u64::from(id) >= bound {
            return Err(format!("{name:?} has the id {id} in a vocabulary of {} pieces", pieces.len()));
        }
        let index = id as usize;
        if table.len() <= index {
            table.resize(index + 1, None);
        }
        match table[index].replace(bytes.into_boxed_slice()) {
            Some(_) => Err(format!("id {id} stands there twice, the second time for {name:?}")),
            None => Ok(()),
        }
    };
    for (piece, id) in pieces {
        match added.get(piece.as_str()) {
            Some(other) if other != id => return Err(format!("{piece:?} has the ids {id} and {other}")),
            Some(_) => {}
            None => {
                let bytes = alphabet::bytes(piece).ok_or(format!("piece {piece:?} is not written in bytes"))?;
                place(*id, bytes, piece)?;
            }
        }
    }
    for token in &file.added_tokens {
        place(token.id, token.content.clone().into_bytes(), &token.content)?;
    }
    check_pieces(pieces)?;
    Ok(table)
}

fn check_pieces(pieces: &[(String, u32)]) -> Result<(), String> {
    let names: HashSet<&str> = pieces.iter().map(|(piece, _)| piece.as_str()).collect();
    if names.len() != pieces.len() {
        return Err("a piece stands twice in the vocabulary".into());
    }
    match (0..=255u8).find(|&b| !names.contains(alphabet::character(b).to_string().as_str())) {
        Some(missing) => Err(format!("the vocabulary has no piece for the byte {missing:#04x}")),
        None => Ok(()),
    }
}
