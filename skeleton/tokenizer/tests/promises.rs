//! What the tokenizer promises on any text: round trips, streams, no smuggled special tokens, one shape of file.
#![allow(clippy::unwrap_used, clippy::expect_used)]
mod common;
use common::{SPECIALS, small, texts};
use foundation::Fault;
use proptest::prelude::*;
use std::sync::{Arc, LazyLock};
use tokenizer::{Specials, StreamDecoder, Tokenizer, train};

static SMALL: LazyLock<Arc<Tokenizer>> = LazyLock::new(|| Arc::new(small(400)));

fn awkward() -> impl Strategy<Value = String> {
    let parts = prop_oneof![
        any::<String>(),
        proptest::sample::select(SPECIALS.to_vec()).prop_map(ToString::to_string),
        "[ \t\r\n]{0,6}",
        "the cat's [0-9]{0,5} 日🙂é",
    ];
    proptest::collection::vec(parts, 0..6).prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_text_decodes_to_itself(text in awkward()) {
        for specials in [Specials::AsText, Specials::Parse] {
            let ids = SMALL.encode(&text, specials).unwrap();
            prop_assert_eq!(SMALL.decode(&ids, false).unwrap(), text.clone());
        }
    }

    #[test]
    fn text_never_smuggles_a_special_token(text in awkward()) {
        let ids = SMALL.encode(&text, Specials::AsText).unwrap();
        prop_assert!(ids.iter().all(|&id| !SMALL.is_special(id)));
    }

    #[test]
    fn a_stream_joined_is_the_decoded_whole(
        ids in proptest::collection::vec(0u32..280, 0..40), cuts in proptest::collection::vec(1usize..4, 1..40), skip: bool,
    ) {
        let mut decoder = StreamDecoder::new(Arc::clone(&SMALL), skip);
        let mut joined = String::new();
        let mut rest = &ids[..];
        for cut in cuts.iter().cycle() {
            if rest.is_empty() { break; }
            let (now, later) = rest.split_at((*cut).min(rest.len()));
            joined += &decoder.push(now).unwrap();
            rest = later;
        }
        joined += &decoder.finish();
        prop_assert_eq!(joined, SMALL.decode(&ids, skip).unwrap());
    }

    #[test]
    fn a_stream_of_real_text_never_shows_half_a_character(text in awkward()) {
        let mut decoder = StreamDecoder::new(Arc::clone(&SMALL), false);
        for id in SMALL.encode(&text, Specials::AsText).unwrap() {
            let part = decoder.push(&[id]).unwrap();
            prop_assert!(part.chars().all(|c| c != char::REPLACEMENT_CHARACTER || text.contains(c)));
        }
        prop_assert_eq!(decoder.finish(), "");
    }
}

#[test]
fn a_template_parses_the_tokens_that_a_text_spells_out() {
    let text = "<|user|>\nHi<|end|>";
    let parsed = SMALL.encode(text, Specials::Parse).unwrap();
    assert_eq!((parsed[0], *parsed.last().unwrap()), (4, 6));
    assert!(SMALL.encode(text, Specials::AsText).unwrap().len() > parsed.len());
    assert_eq!(SMALL.decode(&parsed, true).unwrap(), "\nHi");
}

#[test]
fn a_batch_is_the_texts_one_by_one() {
    let texts = texts();
    let views: Vec<&str> = texts.iter().map(String::as_str).collect();
    let batch = SMALL.encode_batch(&views, Specials::AsText).unwrap();
    for (text, ids) in texts.iter().zip(batch) {
        assert_eq!(ids, SMALL.encode(text, Specials::AsText).unwrap());
    }
}

#[test]
fn an_unknown_id_is_refused_and_leaves_the_stream_as_it_was() {
    let unknown = SMALL.vocabulary() as u32;
    assert!(matches!(SMALL.decode(&[unknown], false), Err(Fault::OutOfRange { .. })));
    let mut decoder = StreamDecoder::new(Arc::clone(&SMALL), false);
    let ids = SMALL.encode("a", Specials::AsText).unwrap();
    assert!(decoder.push(&[ids[0], unknown]).is_err());
    assert_eq!(decoder.push(&ids).unwrap(), "a");
}

#[test]
fn training_is_the_same_each_time_and_survives_its_own_file() {
    let (first, second) = (small(350).to_json().unwrap(), small(350).to_json().unwrap());
    assert_eq!(first, second);
    let read = Tokenizer::from_bytes(first.as_bytes()).unwrap();
    for text in texts() {
        let ids = small(350).encode(&text, Specials::Parse).unwrap();
        assert_eq!(read.encode(&text, Specials::Parse).unwrap(), ids);
    }
}

#[test]
fn special_tokens_come_first_and_bytes_next() {
    for (id, name) in SPECIALS.iter().enumerate() {
        assert_eq!(SMALL.id(name), Some(id as u32));
        assert!(SMALL.is_special(id as u32));
    }
    let ids = SMALL.byte_ids().unwrap();
    assert_eq!(ids.iter().min(), Some(&(SPECIALS.len() as u32)));
    for (byte, &id) in ids.iter().enumerate() {
        assert_eq!(SMALL.token_bytes(id).unwrap(), [byte as u8]);
    }
    assert!(SMALL.vocabulary() <= 400);
}

#[test]
fn a_vocabulary_below_the_alphabet_and_a_doubled_name_are_refused() {
    let none = || std::iter::empty::<String>();
    assert!(matches!(train(none(), 255, &[]), Err(Fault::OutOfRange { .. })));
    let twice = ["<|a|>".to_string(), "<|a|>".to_string()];
    assert!(matches!(train(none(), 300, &twice), Err(Fault::Conflict { .. })));
    assert!(matches!(train(none(), 300, &["a".to_string()]), Err(Fault::OutOfRange { .. })));
    assert_eq!(train(none(), 256, &[]).unwrap().vocabulary(), 256);
}
