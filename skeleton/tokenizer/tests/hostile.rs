//! Hostile `tokenizer.json` files: each is a named fault, none a panic and none a large allocation.
#![allow(clippy::unwrap_used, clippy::expect_used)]
mod common;
use common::small;
use foundation::Fault;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::sync::LazyLock;
use tokenizer::Tokenizer;

static JSON: LazyLock<String> = LazyLock::new(|| small(300).to_json().unwrap());

fn with(change: impl FnOnce(&mut Value)) -> Result<Tokenizer, Fault> {
    let mut value: Value = serde_json::from_str(&JSON).unwrap();
    change(&mut value);
    Tokenizer::from_bytes(value.to_string().as_bytes())
}

fn why(outcome: Result<Tokenizer, Fault>) -> String {
    match outcome {
        Err(Fault::Corrupt { why, .. }) => why,
        Err(other) => panic!("not Corrupt: {other}"),
        Ok(_) => panic!("the file was taken"),
    }
}

#[test]
fn a_file_that_is_not_there_is_an_io_fault_with_its_path() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("none.json");
    assert!(matches!(Tokenizer::open(&path), Err(Fault::Io { path: p, .. }) if p == path));
}

#[test]
fn a_file_is_read_from_its_path() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tokenizer.json");
    std::fs::write(&path, JSON.as_bytes()).unwrap();
    assert_eq!(Tokenizer::open(&path).unwrap().vocabulary(), 300);
}

#[test]
fn a_file_above_the_bound_is_refused_unread() {
    let long = vec![b' '; (64 << 20) + 1];
    assert!(matches!(Tokenizer::from_bytes(&long), Err(Fault::Exhausted { .. })));
}

#[test]
fn a_truncated_file_is_corrupt_at_its_end() {
    let cut = JSON.len() / 2;
    match Tokenizer::from_bytes(&JSON.as_bytes()[..cut]) {
        Err(Fault::Corrupt { offset, .. }) => assert!(offset.abs_diff(cut as u64) <= 2),
        other => panic!("{:?}", other.err()),
    }
}

#[test]
fn huge_and_doubled_ids_are_named() {
    assert!(why(with(|v| v["model"]["vocab"]["Ġ"] = json!(4_000_000_000u32))).contains("4000000000"));
    assert!(why(with(|v| v["model"]["vocab"]["Ġ"] = json!(40))).contains("id 40"));
    assert!(why(with(|v| v["added_tokens"][1]["id"] = json!(0))).contains('0'));
    assert!(why(with(|v| v["model"]["vocab"]["Ġ"] = json!(99_999_999_999u64))).contains("99999999999"));
    assert!(why(with(|v| v["model"]["vocab"]["Ġ"] = json!(-1))).contains("-1"));
}

#[test]
fn a_piece_that_stands_there_twice_is_refused() {
    let twice = JSON.replacen("\"vocab\": {", "\"vocab\": {\"a\": 299,", 1);
    assert_ne!(twice, *JSON);
    assert!(why(Tokenizer::from_bytes(twice.as_bytes())).contains("twice"));
}

#[test]
fn deep_nesting_is_refused() {
    let deep = format!("{{\"model\": {}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    why(Tokenizer::from_bytes(deep.as_bytes()));
    let deep = JSON.replacen("\"normalizer\": null", &format!("\"normalizer\": {}", "{\"a\":".repeat(10_000)), 1);
    why(Tokenizer::from_bytes(deep.as_bytes()));
}

#[test]
fn wrong_types_are_refused() {
    for wrong in [json!(null), json!(3), json!("x"), json!([]), json!({"a": []})] {
        for place in ["model", "added_tokens", "pre_tokenizer", "decoder", "version"] {
            let outcome = with(|v| v[place] = wrong.clone());
            let harmless = place == "added_tokens" && wrong == json!([]);
            assert!(outcome.is_err() || harmless, "{place} = {wrong} was taken");
        }
        assert!(with(|v| v["model"]["vocab"] = wrong.clone()).is_err());
        assert!(wrong == json!([]) || with(|v| v["model"]["merges"] = wrong.clone()).is_err());
    }
}

#[test]
fn a_missing_byte_and_a_foreign_character_are_refused() {
    let dropped = with(|v| {
        v["model"]["vocab"].as_object_mut().unwrap().remove("Ā");
        v["model"]["merges"] = json!([]);
    });
    assert!(why(dropped).contains("0x00"));
    assert!(why(with(|v| v["model"]["vocab"]["日"] = json!(301))).contains('日'));
}

#[test]
fn a_merge_of_unknown_pieces_is_refused() {
    why(with(|v| v["model"]["merges"] = json!([["zzzz", "qqqq"]])));
    why(with(|v| v["model"]["merges"] = json!(["a"])));
}

#[test]
fn a_file_cannot_make_text_spell_a_special_token() {
    let made = with(|v| {
        v["added_tokens"][0]["content"] = json!("th");
        v["model"]["vocab"].as_object_mut().unwrap().remove("<|pad|>");
        v["model"]["vocab"].as_object_mut().unwrap().remove("th");
        v["model"]["vocab"]["th"] = json!(0);
        v["model"]["merges"] = json!([["t", "h"]]);
    });
    assert!(why(made).contains("th"));
    assert!(why(with(|v| v["model"]["ignore_merges"] = json!(true))).contains("merges are ignored"));
    let single = with(|v| {
        v["added_tokens"][0]["content"] = json!("a");
        v["model"]["vocab"].as_object_mut().unwrap().remove("<|pad|>");
        v["model"]["vocab"]["a"] = json!(0);
    });
    assert!(why(single).contains("single byte"));
    assert!(why(with(|v| v["added_tokens"][0]["content"] = json!(""))).contains("empty"));
}

#[test]
fn another_kind_of_tokenizer_is_unsupported() {
    let changes: [fn(&mut Value); 6] = [
        |v| v["model"]["type"] = json!("WordPiece"),
        |v| v["model"]["dropout"] = json!(0.1),
        |v| v["model"]["byte_fallback"] = json!(true),
        |v| v["model"]["end_of_word_suffix"] = json!("</w>"),
        |v| v["decoder"] = json!({"type": "Metaspace"}),
        |v| v["pre_tokenizer"] = json!({"type": "Whitespace"}),
    ];
    for change in changes {
        assert!(matches!(with(change), Err(Fault::Unsupported { .. })));
    }
}

#[test]
fn a_pattern_that_is_no_pattern_is_refused() {
    why(with(|v| v["pre_tokenizer"]["pretokenizers"][0]["pattern"] = json!({"Regex": "(((("})));
}

#[test]
fn truncation_and_padding_of_a_file_are_not_used() {
    let cut = with(|v| {
        v["truncation"] = json!({"direction": "Right", "max_length": 1, "strategy": "LongestFirst", "stride": 0});
    });
    assert_eq!(cut.unwrap().encode("x y z", tokenizer::Specials::AsText).unwrap().len(), 5);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_changed_byte_never_panics(place in any::<proptest::sample::Index>(), byte: u8) {
        let mut bytes = JSON.clone().into_bytes();
        let place = place.index(bytes.len());
        bytes[place] = byte;
        if let Ok(read) = Tokenizer::from_bytes(&bytes) {
            let _ = read.encode("the cat 🙂", tokenizer::Specials::AsText);
        }
    }

    #[test]
    fn any_cut_is_refused(place in any::<proptest::sample::Index>()) {
        let bytes = JSON.trim_end().as_bytes();
        prop_assert!(Tokenizer::from_bytes(&bytes[..place.index(bytes.len())]).is_err());
    }
}
