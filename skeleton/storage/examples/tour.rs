//! A tour of a store: keep, find by id, forget, seal, export, open again. `tour FOLDER`; the folder must not be there.
use foundation::{Fault, Outcome};
use std::path::Path;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};
use storage::{Columns, Compact, Format, Memory, OpenOptions, Space, Store};

fn now_unix_s() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}

fn open(folder: &Path) -> Outcome<Store> {
    let space = Some(Space { embedder: "tour/1".into(), width: 2 });
    Store::open(folder.join("store"), &OpenOptions { writer: true, space, clock: Arc::new(now_unix_s) })
}

fn main() -> Outcome<()> {
    let folder = std::env::args().nth(1).ok_or_else(|| Fault::not_found("an argument that names a new folder"))?;
    let folder = Path::new(&folder);
    std::fs::create_dir(folder).map_err(|error| Fault::io(folder, error))?;
    let store = open(folder)?;

    // One memory. When this returns, it is on the disk.
    let (text, source) = ("the key is under the pot".to_string(), "a note".to_string());
    store.append(&[Memory { id: 1, text, vector: vec![0.6, 0.8], created_unix_s: now_unix_s(), source }])?;

    // Many at once, as columns: the quick way in.
    let columns = Columns {
        ids: &[2, 3],
        texts: &["bread is baked at dawn", "a secret"],
        vectors: &[1.0, 0.0, 0.0, 1.0],
        created_unix_s: &[now_unix_s(); 2],
        sources: &["a book", "a whisper"],
    };
    let number = store.append_columns(&columns)?;
    println!("{} memories, the last change is number {number}: {:?}", store.len(), store.get(2)?.text);

    // A snapshot stays as it is. What is forgotten with `Now` is in no file when the call returns.
    let before = store.snapshot();
    store.forget(&[3], Compact::Now)?;
    println!("a snapshot of {}, a store of {}", before.len(), store.len());

    // Everything into a segment; out as Parquet; and open again, which says what it found.
    store.seal()?;
    store.export_as(folder.join("memories.parquet"), Format::Parquet)?;
    drop(store);
    let store = open(folder)?;
    println!("{:?}", store.recovery());
    println!("vectors, row by row: {:?}", store.vectors());
    Ok(())
}
