//! Writes sound inputs of every target to `corpus/TARGET/`, for the fuzzer to begin with. Fuzzes nothing.
use std::fs;
use std::path::{Path, PathBuf};

use search::{Metric, Quantised};
use weights::safetensors::{self, Foreign};
use weights::{Dtype, PLAIN, Part, Writer};

fn put(target: &str, name: &str, bytes: &[u8]) {
    let folder = Path::new("corpus").join(target);
    fs::create_dir_all(&folder).expect("a corpus folder");
    fs::write(folder.join(name), bytes).expect("a seed");
}

fn temporary() -> PathBuf {
    std::env::temp_dir().join(format!("aios-seed-{}", std::process::id()))
}

fn weights() {
    let packed: Vec<u8> = (0..=255).collect();
    let base = Part { name: "a", shape: &[64], dtype: Dtype::F32, scheme: PLAIN, packed: &packed, scales: &[] };
    let int2 = Part { shape: &[16, 64], dtype: Dtype::U8, scheme: "int2.g64.r16", scales: &packed[..32], ..base };
    let mut writer = Writer::new();
    writer.metadata("key", "value").expect("metadata");
    writer.add(base).and_then(|()| writer.add(Part { name: "b", ..int2 })).expect("tensors");
    writer.write(temporary()).expect("a file");
    put("weights_file", "two", &fs::read(temporary()).expect("it"));
    let (arrow, table) = (temporary(), temporary().with_extension("parquet"));
    weights::Weights::open(&arrow).and_then(|found| weights::parquet::write(&found, &table)).expect("a table");
    put("weights_parquet", "two", &fs::read(&table).expect("it"));
    fs::remove_file(table).expect("removed");
    let tensor = Foreign { name: "a", dtype: safetensors::Dtype::F16, shape: &[8, 16], bytes: &packed };
    let metadata = [("key".to_string(), "value".to_string())].into();
    safetensors::write(temporary(), &[tensor, Foreign { name: "b", ..tensor }], &metadata).expect("a file");
    put("safetensors", "two", &fs::read(temporary()).expect("it"));
    fs::remove_file(temporary()).expect("removed");
}

fn store() {
    let log = parsers::sound_log();
    put("storage_log", "three", &log);
    put("storage_import", "two", &parsers::sound_export());
    put("storage_parquet", "two", &parsers::sound_parquet()[4..]);
    // Frame after frame past the header, as `storage_frames` takes them.
    let (mut at, mut frames) = (0, Vec::new());
    while let Some(head) = log.get(at..at + 24) {
        let length = u32::from_le_bytes([head[0], head[1], head[2], head[3]]) as usize;
        if at > 0 {
            frames.extend([head[16] - 1, (length / 8) as u8]);
            frames.extend_from_slice(&log[at + 24..at + 24 + length]);
        }
        at += 24 + length;
    }
    put("storage_frames", "four", &frames);
}

fn search() {
    for (name, metric) in [("cosine", Metric::Cosine), ("l2", Metric::L2)] {
        let mut codes = Quantised::new(12, metric, 7).expect("codes");
        let vectors: Vec<f32> = (0..1200).map(|i| (i * 7 % 11) as f32 - 5.0).collect();
        codes.extend(&vectors).expect("vectors");
        let bytes = codes.to_bytes();
        put("search_codes", name, &bytes[..bytes.len() - 4]);
    }
}

fn texts() {
    let texts = ["the cat sat on the mat"; 3];
    let specials = ["<|pad|>".to_string(), "<|end|>".to_string()];
    let tokenizer = tokenizer::train(texts.iter(), 270, &specials).expect("a tokenizer");
    put("tokenizer_json", "small", tokenizer.to_json().expect("json").as_bytes());
    let score = Path::new("../brain/pretrained/base/score.json");
    put("score_json", "base", &fs::read(score).expect("the shipped score.json"));
}

fn main() {
    weights();
    store();
    search();
    texts();
}
