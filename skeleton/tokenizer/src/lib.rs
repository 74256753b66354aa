//! FastTokenizer: byte-level BPE over tokenizer.json: train, encode, decode, batch.
