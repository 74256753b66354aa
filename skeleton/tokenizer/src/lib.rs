//! FastTokenizer: byte-level BPE over `tokenizer.json`: train, encode, decode, stream. Knows no model and no prompt.
//!
//! This room checks a file whole, keeps special tokens out of ordinary text, and cuts and merges text by its own code for
//! the patterns of GPT-2, GPT-4, Llama 3 and Qwen; the `tokenizers` crate trains, and encodes for every other pattern.
#![deny(missing_docs)]

mod added;
pub mod alphabet;
mod classes;
mod compile;
mod compose;
mod cuts;
mod encoder;
mod file;
mod merges;
mod reference;
mod split;
mod stream;
mod tokenizer;
mod train;
mod whole;
mod words;

pub use file::{LARGEST_FILE_BYTES, Special};
pub use stream::StreamDecoder;
pub use tokenizer::{LARGEST_TEXT_BYTES, Spans, Specials, Tokenizer};
pub use train::{SPLIT_PATTERN, train};
