//! A small tokenizer with the special tokens of the shipped one, learned in a moment.
#![allow(clippy::unwrap_used, clippy::expect_used)]
use tokenizer::{Tokenizer, train};

/// The first special tokens of the shipped file, in its order.
pub const SPECIALS: [&str; 8] =
    ["<|pad|>", "<|bos|>", "<|endoftext|>", "<|mask|>", "<|user|>", "<|assistant|>", "<|end|>", "<|system|>"];

/// Lines with enough repetition for merges, and characters of two, three and four bytes.
pub fn texts() -> Vec<String> {
    let lines =
        ["the cat sat on the mat, the cat's hat", "def f(x):\n    return x + 12345", "naïve café – 日本語 🙂", "I'LL"];
    (0..40).map(|i| format!("{} {i}\r\n\t", lines[i % lines.len()])).collect()
}

/// A tokenizer of at most `vocabulary` pieces, learned from `texts`.
pub fn small(vocabulary: usize) -> Tokenizer {
    let specials: Vec<String> = SPECIALS.iter().map(ToString::to_string).collect();
    train(texts().into_iter(), vocabulary, &specials).expect("the texts train a tokenizer")
}
