//! One function a parser: hands it hostile bytes and uses what comes out. Judges nothing: a fault is a good answer, a
//! panic, a leak, a read outside of the bytes or memory far beyond their size is what the fuzzer looks for.
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Once, OnceLock};

use search::{Effort, Quantised};
use storage::{Compact, Format, Memory, OpenOptions, Space, Store};
use tokenizer::{Specials, Tokenizer};
use weights::Weights;
use weights::safetensors::Archive;

/// Every parser by the name of its target.
pub const PARSERS: [(&str, fn(&[u8])); 10] = [
    ("weights_file", weights_file),
    ("safetensors", safetensors),
    ("weights_parquet", weights_parquet),
    ("storage_log", storage_log),
    ("storage_frames", storage_frames),
    ("storage_import", storage_import),
    ("storage_parquet", storage_parquet),
    ("search_codes", search_codes),
    ("tokenizer_json", tokenizer_json),
    ("score_json", score_json),
];

/// The width of the vectors of the store that is fuzzed.
pub const WIDTH: usize = 3;

/// A folder of this process, on the disk that `TMPDIR` names.
fn folder() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let folder = std::env::temp_dir().join(format!("aios-fuzz-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder for the fuzzed files");
        folder
    })
}

/// The bytes as a file.
fn file(bytes: &[u8]) -> PathBuf {
    let path = folder().join("fuzzed");
    fs::write(&path, bytes).expect("the fuzzed file");
    path
}

/// Let panics be caught where ours catches them: the reader of Parquet is another's, and a file on which it panics is
/// refused. Without this the fuzzer's own hook would end the process; a panic that reaches the fuzzer still does.
fn quiet() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| std::panic::set_hook(Box::new(|_| {})));
}

/// The mapped Arrow file of a model: every tensor is read to its end.
pub fn weights_file(bytes: &[u8]) {
    let Ok(weights) = Weights::open(file(bytes)) else { return };
    for tensor in weights.tensors() {
        let sum = tensor.packed.iter().chain(tensor.scales).fold(0u64, |sum, &byte| sum + u64::from(byte));
        let _ = (sum, tensor.f32s(), tensor.f16_bits(), tensor.i8s(), tensor.scale_bits(), tensor.matrix());
        assert!(tensor.quantisation().is_ok() && weights.get(tensor.name).is_ok());
    }
    let _ = (weights.verify(), weights.metadata().len());
}

/// A safetensors file: every tensor is read to its end.
pub fn safetensors(bytes: &[u8]) {
    let Ok(archive) = Archive::open(file(bytes)) else { return };
    for tensor in archive.tensors() {
        let _ = (tensor.bytes.iter().fold(0u64, |sum, &byte| sum + u64::from(byte)), tensor.shape.len());
    }
    let _ = archive.metadata();
}

/// A model's tensors as Parquet: what is taken is written as a file of ours, which then opens.
pub fn weights_parquet(bytes: &[u8]) {
    quiet();
    let Ok(writer) = weights::parquet::read(file(bytes)) else { return };
    let path = folder().join("converted");
    writer.write(&path).expect("tensors that were taken are written");
    Weights::open(&path).and_then(|weights| weights.verify()).expect("what was written opens");
}

fn options(writer: bool) -> OpenOptions {
    let space = Some(Space { embedder: "fuzz/1".into(), width: WIDTH });
    OpenOptions { writer, space, clock: Arc::new(|| 1.5) }
}

/// A memory as the seeds hold it.
pub fn memory(id: u128) -> Memory {
    let vector = vec![0.25; WIDTH];
    Memory { id, text: format!("text {id}"), vector, created_unix_s: 1.0, source: "seed".into() }
}

/// The bytes as a whole log: read, then opened as a writer would.
pub fn storage_log(bytes: &[u8]) {
    let place = folder().join("store");
    let _ = fs::remove_dir_all(&place);
    fs::create_dir_all(&place).expect("a store's folder");
    fs::write(place.join("log"), bytes).expect("a log");
    for writer in [false, true] {
        if let Ok(store) = Store::open(&place, &options(writer)) {
            let held = store.read_all();
            assert!(held.iter().all(|memory| memory.vector.len() == WIDTH));
        }
    }
}

/// A log whose frames carry sound checksums around hostile payloads: what an enemy would write who knows the format.
/// The bytes are frames: kind (a byte), length of the payload in eights (a byte), the payload.
pub fn storage_frames(bytes: &[u8]) {
    let (header, identity) = header();
    let mut log = header.clone();
    let (mut rest, mut sequence) = (bytes, 1u64);
    while let [kind, eights, more @ ..] = rest {
        let length = (8 * usize::from(*eights)).min(more.len() / 8 * 8);
        let (payload, after) = more.split_at(length);
        log.extend(frame(*identity, sequence, 1 + kind % 2, payload));
        sequence += 1;
        rest = after;
    }
    storage_log(&log);
}

/// A frame with its checksum, by the layout in the storage room's `frame`.
pub fn frame(identity: u64, sequence: u64, kind: u8, payload: &[u8]) -> Vec<u8> {
    let mut head = [0u8; 24];
    head[..4].copy_from_slice(&(payload.len() as u32).to_le_bytes());
    head[8..16].copy_from_slice(&sequence.to_le_bytes());
    head[16] = kind;
    let sum = crc32c::crc32c_append(crc32c::crc32c_append(crc32c::crc32c(&identity.to_le_bytes()), &head), payload);
    head[4..8].copy_from_slice(&sum.to_le_bytes());
    [&head[..], payload].concat()
}

/// The log of a store that was just made, and its identity.
fn header() -> &'static (Vec<u8>, u64) {
    static HEADER: OnceLock<(Vec<u8>, u64)> = OnceLock::new();
    HEADER.get_or_init(|| {
        let place = folder().join("made");
        drop(Store::open(&place, &options(true)).expect("a new store"));
        let log = fs::read(place.join("log")).expect("its log");
        let at = log.windows(8).position(|eight| eight == b"identity").expect("the identity in the header");
        let digits = |from: usize| log.get(from..from + 16).filter(|d| d.iter().all(u8::is_ascii_hexdigit));
        let word = (at.saturating_sub(64)..at + 64).find_map(digits).expect("sixteen digits");
        let identity = std::str::from_utf8(word).ok().and_then(|word| u64::from_str_radix(word, 16).ok());
        (log, identity.expect("a number"))
    })
}

/// The log of a new store with a few memories, one of them forgotten.
pub fn sound_log() -> Vec<u8> {
    let place = folder().join("sound");
    let _ = fs::remove_dir_all(&place);
    let store = Store::open(&place, &options(true)).expect("a new store");
    for id in 1..=3 {
        store.append(&[memory(id)]).expect("a memory stored");
    }
    store.forget(&[2], Compact::Later).expect("a memory forgotten");
    fs::read(place.join("log")).expect("its log")
}

/// The same store exported.
pub fn sound_export() -> Vec<u8> {
    exported(Format::Arrow)
}

/// The same as Parquet.
pub fn sound_parquet() -> Vec<u8> {
    exported(Format::Parquet)
}

fn exported(format: Format) -> Vec<u8> {
    drop(sound_log());
    let (place, path) = (folder().join("sound"), folder().join("exported"));
    let _ = fs::remove_file(&path);
    Store::open(&place, &options(false)).and_then(|store| store.export_as(&path, format)).expect("an export");
    fs::read(path).expect("the export")
}

/// A file to import: whatever is taken is whole.
pub fn storage_import(bytes: &[u8]) {
    let path = file(bytes);
    let place = folder().join("importing");
    let _ = fs::remove_dir_all(&place);
    let store = Store::open(&place, &options(true)).expect("a new store");
    match store.import(&path) {
        Ok(count) => assert_eq!(count, store.len() as u64),
        Err(_) => assert!(store.is_empty()),
    }
}

/// A file to import that begins as Parquet does: whatever is taken is whole.
pub fn storage_parquet(bytes: &[u8]) {
    quiet();
    storage_import(&[b"PAR1", bytes].concat());
}

/// The stored codes of a search, with a sound checksum put behind them, then one search.
pub fn search_codes(bytes: &[u8]) {
    let whole = [bytes, &crc32c::crc32c(bytes).to_le_bytes()].concat();
    let Ok(codes) = Quantised::from_bytes(&whole, Path::new("fuzzed")) else { return };
    let (width, rows) = (codes.width(), codes.len());
    if width * rows > 1 << 20 {
        return;
    }
    let vectors = vec![0.5; width * rows];
    let _ = codes.top_k(&vectors, &vec![1.0; width], 3, None, Effort::default());
    assert_eq!(codes.to_bytes(), whole);
}

/// A tokenizer.json, then a text there and back.
pub fn tokenizer_json(bytes: &[u8]) {
    let Ok(tokenizer) = Tokenizer::from_bytes(bytes) else { return };
    if let Ok(ids) = tokenizer.encode("the cat, 12 Katzen\n\t<|end|> 語", Specials::Parse) {
        let _ = tokenizer.decode(&ids, false);
    }
    let _ = tokenizer.to_json();
}

/// A score.json, then every tensor it implies.
pub fn score_json(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(spec) = forward::spec::Spec::parse(text) {
        assert!(!spec.tensors().is_empty() && spec.parameters() > 0);
    }
}
