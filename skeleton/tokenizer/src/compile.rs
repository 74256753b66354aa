//! Turns a checked file into our own encoder where it is of a kind that we know. Encodes nothing.
use crate::added::{Finder, Rule};
use crate::alphabet;
use crate::encoder::{Encoder, Spare};
use crate::file::Recipe;
use crate::merges::Merges;
use crate::split::{Family, Splitter};
use crate::whole::Whole;
use serde_json::Value;
use std::collections::HashMap;

/// The encoder of a file, or `None` for a pattern, a normaliser or a rule of an added token that it does not have.
pub(crate) fn encoder(recipe: &Recipe) -> Option<Encoder> {
    let (family, prefix_space) = family(recipe.pre_tokenizer.as_ref()?)?;
    let composed = composes(recipe.normalizer.as_ref())?;
    let (raw, normalised) = finders(recipe, composed)?;
    let ids: HashMap<&str, u32> = recipe.pieces.iter().map(|(piece, id)| (piece.as_str(), *id)).collect();
    let merges = merges(recipe, &ids)?;
    let whole = whole(recipe, &merges);
    let splitter = Splitter::new(family);
    Some(Encoder { splitter, merges, whole, raw, normalised, composed, prefix_space, spare: Spare::default() })
}

fn is(value: &Value, kind: &str) -> bool {
    value.get("type").is_some_and(|found| found == kind)
}

/// The steps of a `Sequence`, or the one step that stands by itself.
fn steps<'a>(value: &'a Value, list: &str) -> Option<&'a [Value]> {
    match is(value, "Sequence") {
        true => value.get(list)?.as_array().map(Vec::as_slice),
        false => Some(std::slice::from_ref(value)),
    }
}

/// How words are cut, and whether a space is put before each text.
fn family(pre_tokenizer: &Value) -> Option<(Family, bool)> {
    let flag = |step: &Value, name: &str, absent: bool| step.get(name).map_or(Some(absent), Value::as_bool);
    match steps(pre_tokenizer, "pretokenizers")? {
        [bytes] if is(bytes, "ByteLevel") && flag(bytes, "use_regex", true)? => {
            Some((Family::Gpt2, flag(bytes, "add_prefix_space", true)?))
        }
        [split, bytes] if is(split, "Split") && is(bytes, "ByteLevel") => {
            let plain = !flag(bytes, "use_regex", true)? && !flag(bytes, "add_prefix_space", true)?;
            let behaviour = (split.get("behavior")?.as_str()?, split.get("invert")?.as_bool()?);
            let keeps = matches!(behaviour, ("Isolated", false) | ("Removed", true));
            let pattern = split.get("pattern")?.get("Regex")?.as_str()?;
            Some((Family::of(pattern)?, false)).filter(|_| plain && keeps)
        }
        _ => None,
    }
}

fn composes(normalizer: Option<&Value>) -> Option<bool> {
    match normalizer {
        None | Some(Value::Null) => Some(false),
        Some(value) => match steps(value, "normalizers")? {
            [] => Some(false),
            [only] if is(only, "NFC") => Some(true),
            _ => None,
        },
    }
}

/// Those that are looked for before and after normalising. A token that only stands as a whole word is not ours, nor one
/// that a normaliser might change, nor one that is a piece of other bytes too.
fn finders(recipe: &Recipe, composed: bool) -> Option<(Finder, Finder)> {
    let pieces: HashMap<&str, u32> = recipe.pieces.iter().map(|(piece, id)| (piece.as_str(), *id)).collect();
    let (mut raw, mut normalised) = (Vec::new(), Vec::new());
    for token in &recipe.added {
        let content = token.content.as_str();
        let other =
            pieces.contains_key(content) && alphabet::bytes(content).is_some_and(|bytes| bytes != content.as_bytes());
        if token.single_word || other || (composed && token.normalized && !content.is_ascii()) {
            return None;
        }
        let (id, content, special) = (token.id, content.to_string(), token.special);
        let rule = Rule { id, content, special, left: token.lstrip, right: token.rstrip };
        if token.normalized { normalised.push(rule) } else { raw.push(rule) }
    }
    Some((Finder::new(raw)?, Finder::new(normalised)?))
}

fn merges(recipe: &Recipe, ids: &HashMap<&str, u32>) -> Option<Merges> {
    let mut byte_ids = [0; 256];
    for (slot, byte) in byte_ids.iter_mut().zip(0..=255u8) {
        *slot = *ids.get(alphabet::character(byte).encode_utf8(&mut [0; 4]) as &str)?;
    }
    let mut found = Vec::with_capacity(recipe.merges.len());
    for (left, right) in recipe.merges.iter().map(|merge| merge.sides()) {
        let made = [left, right].concat();
        found.push((*ids.get(left)?, *ids.get(right)?, *ids.get(made.as_str())?));
    }
    Some(Merges::new(byte_ids, &found))
}

/// The pieces that stand for their own bytes: all where merges are ignored, else those that merges come to.
fn whole(recipe: &Recipe, merges: &Merges) -> Whole {
    let mut ids = Vec::new();
    let spelled = recipe.pieces.iter().filter_map(|(piece, id)| Some((alphabet::bytes(piece)?, *id)));
    let kept: Vec<(Vec<u8>, u32)> = spelled
        .filter(|(bytes, id)| {
            ids.clear();
            merges.merge(bytes, &mut ids);
            !bytes.is_empty() && (recipe.ignore_merges || ids == [*id])
        })
        .collect();
    Whole::new(kept.iter().map(|(bytes, id)| (bytes.as_slice(), *id)))
}
