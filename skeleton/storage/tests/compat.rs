//! Stores that earlier code wrote: they open, go on, and become stores of today when they are compacted.
#![allow(clippy::unwrap_used)]
use std::fs;
use std::path::Path;
use std::sync::Arc;
use storage::{Compact, Memory, OpenOptions, Space, Store};

fn memory(id: u128) -> Memory {
    let vector = vec![(id % 100) as f32, -0.5, 1e-40];
    Memory {
        id, text: format!("format one, memory {id} — é"), vector, created_unix_s: 1.25, source: "compat".into()
    }
}

fn copy(folder: &Path) {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/compat/format1");
    for name in ["log", "mark"] {
        fs::copy(fixture.join(name), folder.join(name)).unwrap();
    }
}

fn open(folder: &Path, writer: bool) -> Store {
    let space = Some(Space { embedder: "compat/1".into(), width: 3 });
    Store::open(folder, &OpenOptions { writer, space, clock: Arc::new(|| 5.0) }).unwrap()
}

fn format(folder: &Path) -> u8 {
    let log = fs::read(folder.join("log")).unwrap();
    let name = b"aios-memories/";
    let place = log.windows(name.len()).position(|bytes| bytes == name).unwrap();
    log[place + name.len()]
}

#[test]
fn a_store_of_the_first_format_reads_as_it_was_written() {
    let folder = tempfile::tempdir().unwrap();
    copy(folder.path());
    for writer in [false, true] {
        let store = open(folder.path(), writer);
        assert_eq!(store.read_all(), [1, 2, 3, 4, u128::MAX].map(memory));
        assert_eq!((store.recovery().frames, store.recovery().dropped_bytes, store.recovery().marked), (3, 0, true));
    }
    assert_eq!(format(folder.path()), b'1');
}

#[test]
fn a_store_of_the_first_format_goes_on_and_becomes_one_of_today() {
    let folder = tempfile::tempdir().unwrap();
    copy(folder.path());
    let store = open(folder.path(), true);
    assert_eq!(store.append(&[memory(5)]).unwrap(), 6);
    assert_eq!(store.forget(&[2, u128::MAX], Compact::Later).unwrap(), 2);
    drop(store);
    let store = open(folder.path(), true);
    assert_eq!((store.read_all(), format(folder.path())), ([1, 3, 4, 5].map(memory).to_vec(), b'1'));
    store.compact().unwrap();
    drop(store);
    let store = open(folder.path(), true);
    assert_eq!((store.read_all(), format(folder.path())), ([1, 3, 4, 5].map(memory).to_vec(), b'2'));
    assert_eq!(store.append(&[memory(2)]).unwrap(), 9);
}

#[test]
fn a_store_of_the_first_format_is_sealed_into_one_of_today() {
    let folder = tempfile::tempdir().unwrap();
    copy(folder.path());
    let store = open(folder.path(), true);
    store.forget(&[2], Compact::Later).unwrap();
    store.seal().unwrap();
    assert_eq!(store.append(&[memory(2)]).unwrap(), 7);
    drop(store);
    let store = open(folder.path(), true);
    let now = [1, 3, 4, u128::MAX, 2].map(memory);
    assert_eq!((store.read_all(), format(folder.path()), store.recovery().segments), (now.to_vec(), b'3', 1));
}
