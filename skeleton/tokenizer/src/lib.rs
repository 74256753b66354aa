//! FastTokenizer: byte-level BPE over `tokenizer.json`: train, encode, decode, stream. Knows no model and no prompt.
//!
//! The merging itself is done by the `tokenizers` crate; this room checks a file whole before that crate sees it, keeps
//! special tokens out of ordinary text, and turns ids into bytes by its own table.
#![deny(missing_docs)]

pub mod alphabet;
mod file;
mod stream;
mod tokenizer;
mod train;

pub use file::{LARGEST_FILE_BYTES, Special};
pub use stream::StreamDecoder;
pub use tokenizer::{Specials, Tokenizer};
pub use train::{SPLIT_PATTERN, train};
