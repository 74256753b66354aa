//! Looks for a difference to the `tokenizers` crate: `differ TOKENIZER.JSON SEED MINUTES TEXT…`; run by hand.
//!
//! First every text whole, in documents of about 16 KiB, then, until the time is up, pieces of the texts that are cut,
//! joined, doubled and changed at random (the seed says how). Compares ids, and that they decode to the text; prints
//! the first text that differs and fails.
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};
use tokenizer::{Specials, Tokenizer};

const DOCUMENT_BYTES: usize = 16 << 10;
const SPICE: [&str; 16] = [
    "'", "'ſ", "'LL", " ", "\n", "\r\n", "\t", "\u{a0}", "\u{301}", "é", "日本", "🙂", "٣", "1234", "<|end|>", "\u{0}",
];

/// Source: Steele, Lea, Flood 2014, "Fast splittable pseudorandom number generators".
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((mixed ^ mixed >> 31) % bound.max(1) as u64) as usize
    }

    fn bytes(&mut self, text: &[u8], most: usize) -> Vec<u8> {
        let start = self.below(text.len());
        let length = 1 + self.below(most);
        text[start..(start + length).min(text.len())].to_vec()
    }

    fn text(&mut self, sources: &[Vec<u8>]) -> String {
        let mut made = Vec::new();
        for _ in 0..1 + self.below(8) {
            let source = self.below(sources.len());
            match self.below(8) {
                0 => made.extend((0..self.below(12)).map(|_| self.below(256) as u8)),
                1 => made.extend(SPICE[self.below(SPICE.len())].as_bytes()),
                2 => made.extend(self.bytes(&sources[source], 4).repeat(1 + self.below(60))),
                3 => made.extend(char::from_u32(self.below(0x11_0000) as u32).unwrap_or('x').to_string().bytes()),
                _ => made.extend(self.bytes(&sources[source], 200)),
            }
        }
        for _ in 0..self.below(4) {
            let place = self.below(made.len());
            if let Some(byte) = made.get_mut(place) {
                *byte = self.below(256) as u8;
            }
        }
        String::from_utf8_lossy(&made).into_owned()
    }
}

struct Pair {
    ours: Tokenizer,
    parsing: tokenizers::Tokenizer,
    plain: tokenizers::Tokenizer,
}

impl Pair {
    fn compare(&self, text: &str) -> Result<(), String> {
        for (specials, theirs) in [(Specials::AsText, &self.plain), (Specials::Parse, &self.parsing)] {
            let own = self.ours.encode(text, specials).map_err(|fault| fault.to_string())?;
            let other = theirs.encode_fast(text, false).map_err(|error| error.to_string())?;
            let back = self.ours.decode(&own, false).map_err(|fault| fault.to_string())?;
            // A normaliser changes a text for good.
            let comes_back = back == text || theirs.get_normalizer().is_some();
            if own != other.get_ids() || !comes_back {
                return Err(format!("{specials:?} differs: {text:?}\n{own:?}\n{:?}", other.get_ids()));
            }
        }
        Ok(())
    }
}

fn run() -> Result<(), String> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [path, seed, minutes, texts @ ..] = arguments.as_slice() else {
        return Err("differ TOKENIZER.JSON SEED MINUTES TEXT…".into());
    };
    let mut chance = Chance(seed.parse().map_err(|_| "the seed is no number")?);
    let limit = Duration::from_secs_f64(60.0 * minutes.parse::<f64>().map_err(|_| "the minutes are no number")?);
    let ours = Tokenizer::open(Path::new(path)).map_err(|fault| fault.to_string())?;
    let parsing = tokenizers::Tokenizer::from_file(path).map_err(|error| error.to_string())?;
    let mut plain = parsing.clone();
    plain.set_encode_special_tokens(true);
    let pair = Pair { ours, parsing, plain };
    let mut sources = Vec::new();
    for name in texts {
        let bytes = std::fs::read(name).map_err(|error| format!("{name}: {error}"))?;
        for document in bytes.chunks(DOCUMENT_BYTES) {
            pair.compare(&String::from_utf8_lossy(document))?;
        }
        println!("{name}: {} bytes, equal", bytes.len());
        sources.push(bytes);
    }
    let (start, mut made, mut length) = (Instant::now(), 0u64, 0);
    while start.elapsed() < limit && !sources.is_empty() {
        let text = chance.text(&sources);
        pair.compare(&text)?;
        (made, length) = (made + 1, length + text.len());
    }
    println!("{made} made texts of {length} bytes, equal");
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
