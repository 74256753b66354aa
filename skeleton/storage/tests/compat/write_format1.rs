//! Wrote the store in `format1`, with the code of the day on which `aios-memories/1` was the only format and nothing could
//! be forgotten. Kept to say what lies there; newer code makes newer stores of it.
//!
//! To run it, check that code out, put this file under `examples`, and give it an empty folder.
use std::sync::Arc;
use storage::{Memory, OpenOptions, Space, Store};

fn memory(id: u128) -> Memory {
    let vector = vec![(id % 100) as f32, -0.5, 1e-40];
    Memory { id, text: format!("format one, memory {id} — é"), vector, created_unix_s: 1.25, source: "compat".into() }
}

fn main() {
    let folder = std::env::args().nth(1).expect("a folder");
    let space = Some(Space { embedder: "compat/1".into(), width: 3 });
    let options = OpenOptions { writer: true, space, clock: Arc::new(|| 1.7e9) };
    let store = Store::open(folder, &options).expect("a new store");
    store.append(&[memory(1), memory(2)]).expect("room");
    store.append(&[memory(3)]).expect("room");
    store.append(&[memory(4), memory(u128::MAX)]).expect("room");
}
