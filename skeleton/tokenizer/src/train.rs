//! Learns a vocabulary from text, in the shape of the tokenizer that the product ships. Cleans and filters nothing.
use crate::{Tokenizer, alphabet};
use foundation::{Fault, Outcome};
use tokenizers::decoders::byte_level::ByteLevel;
use tokenizers::models::TrainerWrapper;
use tokenizers::models::bpe::{BPE, BpeTrainer};
use tokenizers::pre_tokenizers::PreTokenizerWrapper;
use tokenizers::pre_tokenizers::sequence::Sequence;
use tokenizers::pre_tokenizers::split::{Split, SplitPattern};
use tokenizers::{AddedToken, SplitDelimiterBehavior};

/// How text is cut before pieces are merged: contractions, words with one leading character, single digits, runs of
/// signs, line ends, spaces.
pub const SPLIT_PATTERN: &str = concat!(
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}|",
    r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
);

/// Learn at most `vocabulary` pieces from `texts`: the special tokens first, in the order given, then the 256 bytes,
/// then merges by falling count. Gives fewer pieces where the text is too small for more.
///
/// Chance: none; the same texts in the same order give the same file. `OutOfRange` when `vocabulary` is below
/// 256 + the special tokens, `Conflict` when a special token stands there twice. Cost: about linear in the text.
/// Source: Sennrich et al. 2016, arXiv:1508.07909 (byte pair encoding of words).
pub fn train<T: AsRef<str> + Send>(
    texts: impl Iterator<Item = T> + Send,
    vocabulary: usize,
    special_tokens: &[String],
) -> Outcome<Tokenizer> {
    let least = 256 + special_tokens.len();
    if !(least..=1 << 20).contains(&vocabulary) {
        return Err(Fault::out_of_range("vocabulary", format!("{least} ..= {}", 1 << 20), vocabulary));
    }
    check_specials(special_tokens)?;
    let specials: Vec<AddedToken> = special_tokens.iter().map(|t| AddedToken::from(t.clone(), true)).collect();
    let trainer = BpeTrainer::builder()
        .vocab_size(vocabulary)
        .min_frequency(2)
        .show_progress(false)
        .initial_alphabet((0..=255).map(alphabet::character).collect())
        .special_tokens(specials)
        .build();
    let mut inner = tokenizers::Tokenizer::new(BPE::default());
    inner.with_pre_tokenizer(Some(pre_tokenizer()?)).with_decoder(Some(ByteLevel::default()));
    inner.train(&mut TrainerWrapper::from(trainer), texts).map_err(|error| broken("training", &error))?;
    let json = inner.to_string(true).map_err(|error| broken("writing", &error))?;
    Tokenizer::from_bytes(json.as_bytes())
}

fn check_specials(special_tokens: &[String]) -> Outcome<()> {
    for (index, token) in special_tokens.iter().enumerate() {
        if token.chars().count() < 2 {
            return Err(Fault::out_of_range("special token", "names of two characters or more", format!("{token:?}")));
        }
        if special_tokens[..index].contains(token) {
            return Err(Fault::conflict(format!("special token {token:?} stands there twice"), "name each once"));
        }
    }
    Ok(())
}

fn pre_tokenizer() -> Outcome<PreTokenizerWrapper> {
    let pattern = SplitPattern::Regex(SPLIT_PATTERN.into());
    let split = Split::new(pattern, SplitDelimiterBehavior::Isolated, false).map_err(|e| broken("the pattern", &e))?;
    let bytes = ByteLevel::new(false, true, false);
    Ok(Sequence::new(vec![split.into(), bytes.into()]).into())
}

fn broken(what: &str, error: &tokenizers::Error) -> Fault {
    Fault::bug(format!("{what} of a tokenizer: {error}"))
}
