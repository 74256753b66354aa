//! A tour of the room: exact search, codes in front of it, filters, removals, growth, bytes. Prints what it finds.
//!
//! `cargo run --release -p aios-search --example search-tour`
use foundation::pool::Pool;
use foundation::{Fault, Outcome};
use search::{Bitmap, Effort, Flat, Metric, Quantised};
use std::path::Path;

const WIDTH: usize = 64;
const ROWS: usize = 20_000;

/// Numbers between -1 and 1 that are the same on every run (a linear congruence, Knuth's constants).
fn numbers(count: usize) -> Vec<f32> {
    let mut state = 1u64;
    let step = |_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    };
    (0..count).map(step).collect()
}

fn main() -> Outcome<()> {
    let all = numbers((ROWS + 1) * WIDTH);
    let (query, vectors) = all.split_at(WIDTH);

    // The truth: every row is scored.
    let exact = Flat::new(WIDTH, Metric::Cosine)?.top_k(query, vectors, 3, None)?;
    println!("exact          {exact:?}");

    // Codes in front of it: rows that may be near are found first, and only those are scored.
    let mut codes = Quantised::new(WIDTH, Metric::Cosine, 1)?;
    codes.extend(vectors)?;
    let near = codes.top_k(query, vectors, 3, None, Effort::default())?;
    println!("through codes  {near:?}");
    println!(
        "recall@10 of 20 queries: {:.3}",
        codes.recall(&vectors[..20 * WIDTH], vectors, 10, None, Effort::default())?
    );

    // A filter is exact, and a removed row is one that no filter allows.
    let mut allow = Bitmap::all(ROWS);
    allow.remove(near[0].row)?;
    println!("without row {}  {:?}", near[0].row, codes.top_k(query, vectors, 1, Some(&allow), Effort::default())?);
    codes.remove(&[near[0].row])?;
    println!("removed        {:?}", codes.top_k(query, vectors, 1, None, Effort::default())?);

    // New rows are encoded alone; whoever holds the vectors appends there too.
    codes.extend(query)?;
    let grown = [vectors, query].concat();
    println!("appended       {:?}", codes.top_k(query, &grown, 1, None, Effort::default())?);

    // Bytes with a checksum; anything else is refused.
    let mut bytes = codes.to_bytes();
    let again = Quantised::from_bytes(&bytes, Path::new("codes"))?;
    bytes[100] ^= 1;
    let spoiled = matches!(Quantised::from_bytes(&bytes, Path::new("codes")), Err(Fault::Corrupt { .. }));
    println!("{} rows in {} bytes; one flipped bit refused: {spoiled}", again.len(), bytes.len());

    // A batch on two threads gives, to the bit, what one query after the other gives.
    let hits = Pool::new(2)?.run(|| again.top_k_of_each(&grown[..8 * WIDTH], &grown, 1, None, Effort::default()))?;
    println!("batch          {:?}", hits.concat().iter().map(|hit| hit.row).collect::<Vec<_>>());
    Ok(())
}
