//! The shipped tokenizer gives the ids that its model was trained on.
#![allow(clippy::unwrap_used, clippy::expect_used)]
use serde_json::Value;
use std::path::{Path, PathBuf};
use tokenizer::{SPLIT_PATTERN, Specials, Tokenizer};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn shipped() -> (Tokenizer, Value) {
    let path = root().join("brain/pretrained/base/tokenizer.json");
    let json = serde_json::from_slice(&std::fs::read(&path).expect("the shipped tokenizer is there")).unwrap();
    (Tokenizer::open(&path).unwrap(), json)
}

#[test]
fn the_golden_texts_have_the_golden_ids() {
    let (tokenizer, _) = shipped();
    let golden = std::fs::read(root().join("tests/parity/golden/golden.tokens.json")).unwrap();
    let pairs: Vec<(String, Vec<u32>)> = serde_json::from_slice(&golden).unwrap();
    assert!(pairs.len() >= 7);
    for (text, ids) in pairs {
        assert_eq!(tokenizer.encode(&text, Specials::Parse).unwrap(), ids, "{text:?}");
        assert_eq!(tokenizer.decode(&ids, false).unwrap(), text);
    }
}

#[test]
fn its_special_tokens_are_the_first_32_ids_and_its_vocabulary_8192() {
    let (tokenizer, _) = shipped();
    assert_eq!(tokenizer.vocabulary(), 8192);
    assert_eq!(tokenizer.added().len(), 32);
    for (index, token) in tokenizer.added().iter().enumerate() {
        assert_eq!((token.id as usize, token.special), (index, true));
    }
    assert_eq!(tokenizer.id("<|mask|>"), Some(3));
}

#[test]
fn a_trained_tokenizer_is_built_like_the_shipped_one() {
    let (shipped_tokenizer, shipped) = shipped();
    let specials: Vec<String> = shipped_tokenizer.added().iter().map(|t| t.content.clone()).collect();
    let trained = tokenizer::train(["a few words, a few words"].into_iter(), 300, &specials).unwrap();
    let trained: Value = serde_json::from_str(&trained.to_json().unwrap()).unwrap();
    for part in
        ["version", "truncation", "padding", "added_tokens", "normalizer", "pre_tokenizer", "post_processor", "decoder"]
    {
        assert_eq!(trained[part], shipped[part], "{part}");
    }
    assert_eq!(shipped["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"], SPLIT_PATTERN);
    let keys = |v: &Value| v["model"].as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(&trained), keys(&shipped));
}
