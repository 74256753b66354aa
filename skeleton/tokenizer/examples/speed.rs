//! Speed of one thread beside the `tokenizers` crate: `speed TOKENIZER.JSON TEXT…`, MB/s and the ratio of each text.
//!
//! Texts are cut into documents of about 32 KiB at line ends. Both encode every document in turn, by turns, and the
//! median of the rounds is shown; caches stay warm from round to round for both. Ids are compared first.
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;
use tokenizer::{Specials, Tokenizer};

const DOCUMENT_BYTES: usize = 32 << 10;
const ROUNDS: usize = 7;

fn documents(text: &str) -> Vec<&str> {
    let (mut documents, mut start, mut end) = (Vec::new(), 0, 0);
    for line in text.split_inclusive('\n') {
        end += line.len();
        if end - start >= DOCUMENT_BYTES {
            documents.push(&text[start..end]);
            start = end;
        }
    }
    documents.push(&text[start..]);
    documents
}

fn megabytes_per_second(
    documents: &[&str],
    mut encode: impl FnMut(&str) -> Result<usize, String>,
) -> Result<f64, String> {
    let (start, wall) = (processor_ns(), Instant::now());
    let mut ids = 0;
    for document in documents {
        ids += encode(document)?;
    }
    std::hint::black_box(ids);
    let bytes: usize = documents.iter().map(|document| document.len()).sum();
    let spent_ns = match (start, processor_ns()) {
        (Some(before), Some(after)) if after > before => (after - before) as f64,
        _ => wall.elapsed().as_nanos() as f64,
    };
    Ok(bytes as f64 * 1e3 / spent_ns)
}

/// What this thread has spent on a processor, where Linux tells it: a busy machine then measures the same.
fn processor_ns() -> Option<u64> {
    std::fs::read_to_string("/proc/thread-self/schedstat").ok()?.split(' ').next()?.parse().ok()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn measure(name: &str, text: &str, ours: &Tokenizer, theirs: &tokenizers::Tokenizer) -> Result<(), String> {
    let documents = documents(text);
    let own = |document: &str| ours.encode(document, Specials::AsText).map_err(|fault| fault.to_string());
    let other = |document: &str| theirs.encode_fast(document, false).map_err(|error| error.to_string());
    for document in &documents {
        if own(document)? != other(document)?.get_ids() {
            return Err(format!("{name}: the ids differ"));
        }
    }
    let (mut fast, mut slow) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        fast.push(megabytes_per_second(&documents, |document| own(document).map(|ids| ids.len()))?);
        slow.push(megabytes_per_second(&documents, |document| other(document).map(|found| found.len()))?);
    }
    let (fast, slow) = (median(fast), median(slow));
    println!(
        "{name:<32} {:>6.1} MB  ours {fast:>7.1} MB/s  tokenizers {slow:>6.2} MB/s  {:>6.1}x",
        text.len() as f64 / 1e6,
        fast / slow
    );
    Ok(())
}

fn run() -> Result<(), String> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().ok_or("speed TOKENIZER.JSON TEXT…")?;
    let ours = Tokenizer::open(Path::new(&path)).map_err(|fault| fault.to_string())?;
    let mut theirs = tokenizers::Tokenizer::from_file(&path).map_err(|error| error.to_string())?;
    theirs.set_encode_special_tokens(true);
    println!("our own code: {}", ours.is_native());
    for name in arguments {
        let text = std::fs::read(&name).map_err(|error| format!("{name}: {error}"))?;
        let short = Path::new(&name).file_name().unwrap_or_default().to_string_lossy();
        measure(&short, &String::from_utf8_lossy(&text), &ours, &theirs)?;
    }
    Ok(())
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}
