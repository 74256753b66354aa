//! Ids and spans are those of the `tokenizers` crate, for every kind of file and any text.
#![allow(clippy::unwrap_used, clippy::expect_used)]
#[allow(dead_code)]
mod common;
use common::texts;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::sync::LazyLock;
use tokenizer::{Specials, Tokenizer, train};

const LLAMA_3: &str = concat!(
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|",
    r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
);
const CL100K: &str = concat!(
    r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}{1,3}|",
    r" ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+"
);

/// One file, read by both.
struct Both {
    name: &'static str,
    ours: Tokenizer,
    parsing: tokenizers::Tokenizer,
    plain: tokenizers::Tokenizer,
}

fn both(name: &'static str, change: impl FnOnce(&mut Value)) -> Both {
    let mut file = BASE.clone();
    change(&mut file);
    let json = file.to_string();
    let mut parsing = tokenizers::Tokenizer::from_bytes(json.as_bytes()).unwrap();
    parsing.with_post_processor(None::<tokenizers::PostProcessorWrapper>);
    let mut plain = parsing.clone();
    plain.set_encode_special_tokens(true);
    Both { name, ours: Tokenizer::from_bytes(json.as_bytes()).unwrap(), parsing, plain }
}

static BASE: LazyLock<Value> = LazyLock::new(|| {
    let more = [
        "don't I'LL we've 'tis x's",
        "日本語 日本 語 über Straße été 🙂🙂",
        "if (a == b) {\n        return 1234;\n    }",
    ];
    let texts = texts().into_iter().chain(more.iter().cycle().take(30).map(ToString::to_string));
    serde_json::from_str(&train(texts, 700, &[]).unwrap().to_json().unwrap()).unwrap()
});

fn token(file: &mut Value, content: &str, flags: Value) {
    let free = file["model"]["vocab"].as_object().unwrap().len() + file["added_tokens"].as_array().unwrap().len();
    let mut token = json!({
        "id": free, "content": content, "special": true,
        "single_word": false, "lstrip": false, "rstrip": false, "normalized": false
    });
    token.as_object_mut().unwrap().extend(flags.as_object().unwrap().clone());
    file["added_tokens"].as_array_mut().unwrap().push(token);
}

fn tokens(file: &mut Value) {
    token(file, "<|user|>", json!({}));
    token(file, "<|us", json!({"special": false}));
    token(file, "<left>", json!({"lstrip": true}));
    token(file, "<right>", json!({"rstrip": true, "special": false}));
    token(file, "<wide>", json!({"rstrip": true, "lstrip": true, "normalized": true, "special": false}));
    token(file, "r|><|us", json!({"normalized": true}));
    token(file, "  ", json!({"special": false}));
    token(file, "cat", json!({"special": false, "normalized": true}));
}

fn pattern(file: &mut Value, pattern: &str) {
    file["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"] = json!(pattern);
}

fn gpt2(file: &mut Value, prefix: bool) {
    file["pre_tokenizer"] = json!({"type": "ByteLevel", "add_prefix_space": prefix, "trim_offsets": true});
}

static NATIVE: LazyLock<Vec<Both>> = LazyLock::new(|| {
    vec![
        both("qwen", |_| {}),
        both("qwen with tokens", tokens),
        both("qwen, normalised", |file| {
            file["normalizer"] = json!({"type": "NFC"});
            tokens(file);
        }),
        both("llama 3, whole pieces first", |file| {
            pattern(file, LLAMA_3);
            file["model"]["ignore_merges"] = json!(true);
            let vocab = file["model"]["vocab"].as_object_mut().unwrap();
            for piece in ["Ġzebra", "qqqq", "123", "ĠĠĠĠĠĠĠĠĠĠĠĠĠĠĠĠĠĠĠĠ"] {
                vocab.insert(piece.into(), json!(vocab.len()));
            }
            tokens(file);
        }),
        both("cl100k, words kept", |file| {
            pattern(file, CL100K);
            file["pre_tokenizer"]["pretokenizers"][0]["behavior"] = json!("Removed");
            file["pre_tokenizer"]["pretokenizers"][0]["invert"] = json!(true);
        }),
        both("gpt-2", |file| gpt2(file, false)),
        both("gpt-2 with a leading space", |file| {
            gpt2(file, true);
            tokens(file);
        }),
        both("a pair that stands twice", |file| {
            let merges = file["model"]["merges"].as_array_mut().unwrap();
            let again: Vec<Value> = merges.iter().step_by(3).cloned().collect();
            merges.extend(again);
        }),
    ]
});

static OTHERS: LazyLock<Vec<Both>> = LazyLock::new(|| {
    vec![
        both("another pattern", |file| pattern(file, r"\w+|\W")),
        both("whole words only", |file| token(file, "cat", json!({"single_word": true}))),
        both("lower case", |file| file["normalizer"] = json!({"type": "Lowercase"})),
        both("two splits", |file| {
            file["pre_tokenizer"]["pretokenizers"][1]["use_regex"] = json!(true);
        }),
    ]
});

fn assert_equal(both: &Both, text: &str) {
    for (specials, theirs) in [(Specials::Parse, &both.parsing), (Specials::AsText, &both.plain)] {
        let expected = theirs.encode(text, false).unwrap();
        assert_eq!(
            both.ours.encode(text, specials).unwrap(),
            expected.get_ids(),
            "{} {specials:?} {text:?}",
            both.name
        );
        let (ids, spans) = both.ours.encode_spans(text, specials).unwrap();
        let spans: Vec<(usize, usize)> = spans.into_iter().map(|span| (span.start, span.end)).collect();
        assert_eq!(ids, expected.get_ids(), "{} {specials:?} {text:?}", both.name);
        assert_eq!(spans, expected.get_offsets(), "{} {specials:?} {text:?}", both.name);
    }
}

fn awkward() -> impl Strategy<Value = String> {
    let spelled = ["<|user|>", "<|us", "<left>", "<right>", "<wide>", "r|><|us", "<|", "|>", "cat", "zebra", " zebra"];
    let parts = prop_oneof![
        any::<String>(),
        proptest::collection::vec(any::<u8>(), 0..30).prop_map(|bytes| String::from_utf8_lossy(&bytes).into_owned()),
        proptest::sample::select(spelled.to_vec()).prop_map(ToString::to_string),
        proptest::sample::select(texts()),
        "[a-dA-D]{0,3}['’][sStTmMdDrRvVlLeEſ]{1,3}",
        "[ \t\r\n\u{a0}\u{3000}]{0,40}",
        "[0-9٣½]{0,9}",
        "[a-z]{0,90}",
        "[aeouAEOU\u{300}\u{308}\u{327}\u{323}é가각각क़]{0,9}",
        "(if|for|return|fn) ?[-+*/=<>(){}.,;:!?_#@]{0,6}\n {0,20}",
    ];
    proptest::collection::vec(parts, 0..8).prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn our_own_code_gives_the_ids_and_spans_of_the_crate(text in awkward()) {
        for both in NATIVE.iter() {
            prop_assert!(both.ours.is_native(), "{}", both.name);
            assert_equal(both, &text);
        }
    }

    #[test]
    fn what_is_not_ours_is_left_to_the_crate(text in awkward()) {
        for both in OTHERS.iter() {
            prop_assert!(!both.ours.is_native(), "{}", both.name);
            assert_equal(both, &text);
        }
    }
}

#[test]
fn hostile_long_words_come_to_an_end_and_have_the_same_ids() {
    let both = &NATIVE[0];
    let mixed: String =
        (0..200_000u32).map(|i| char::from(b"thecas"[(i.wrapping_mul(2_654_435_761) >> 16) as usize % 6])).collect();
    for text in ["a".repeat(300_000), "the".repeat(100_000), " ".repeat(300_000), "日".repeat(50_000), mixed] {
        let expected = both.plain.encode_fast(text.as_str(), false).unwrap();
        assert_eq!(both.ours.encode(&text, Specials::AsText).unwrap(), expected.get_ids());
    }
}

#[test]
fn what_was_encoded_before_changes_no_id() {
    let fresh = || both("qwen", |_| {}).ours;
    let (busy, words) = (fresh(), 60_000u32);
    let text = |i: u32| format!("w{} the cat {:x} 日{}本 ", i, i.wrapping_mul(2_654_435_761), i % 7);
    let many: String = (0..words).map(text).collect();
    let first = busy.encode(&many, Specials::AsText).unwrap();
    assert_eq!(busy.encode(&many, Specials::AsText).unwrap(), first);
    let single = fresh();
    for i in (0..words).step_by(997) {
        assert_eq!(
            busy.encode(&text(i), Specials::AsText).unwrap(),
            single.encode(&text(i), Specials::AsText).unwrap()
        );
    }
}
