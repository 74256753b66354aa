//! A short tour: `cargo run --release -p aios-tokenizer --example tokenizer-tour`. Learns a small tokenizer and uses every door.
use foundation::Outcome;
use std::sync::Arc;
use tokenizer::{Specials, StreamDecoder, Tokenizer, train};

fn main() -> Outcome<()> {
    let lines = (0..200).map(|n| format!("the cat sat on mat {n}, naïve café 日本語 🙂"));
    let learned = train(lines, 400, &["<|end|>".to_string()])?;
    let tokenizer = Arc::new(Tokenizer::from_bytes(learned.to_json()?.as_bytes())?);
    println!("{} pieces, our own code: {}", tokenizer.vocabulary(), tokenizer.is_native());

    // Text of a user never makes a special token; a template of our own may.
    let text = "the café<|end|>";
    println!("as text:  {:?}", tokenizer.encode(text, Specials::AsText)?);
    println!("parsed:   {:?}", tokenizer.encode(text, Specials::Parse)?);

    let (ids, spans) = tokenizer.encode_spans("naïve 🙂", Specials::AsText)?;
    for (id, span) in ids.iter().zip(spans) {
        println!("{id:>4} spells {:?}", &"naïve 🙂"[span]);
    }

    // One id at a time: a character is shown when its last byte is there.
    let mut stream = StreamDecoder::new(Arc::clone(&tokenizer), true);
    let ids = tokenizer.encode("日本 🙂", Specials::AsText)?;
    let parts = ids.iter().map(|&id| stream.push(&[id])).collect::<Outcome<Vec<_>>>()?;
    println!("streamed: {parts:?} {:?}", stream.finish());

    let batch = tokenizer.encode_batch(&["the cat", "the mat"], Specials::AsText)?;
    println!("batch:    {batch:?}");
    Ok(())
}
