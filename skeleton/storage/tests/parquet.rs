//! Memories that leave a store as Parquet and come back; files that were never ours, or are no longer whole.
#![allow(clippy::unwrap_used)]
use foundation::Fault;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use storage::{Compact, Format, Memory, OpenOptions, Space, Store};

fn open(folder: &Path, embedder: &str, width: usize) -> Store {
    let space = Some(Space { embedder: embedder.into(), width });
    Store::open(folder, &OpenOptions { writer: true, space, clock: Arc::new(|| 1.7e9) }).unwrap()
}

fn memory(id: u128) -> Memory {
    let text = format!("memory {id} — é");
    Memory { id, text, vector: vec![id as f32, -0.0, 1e-40], created_unix_s: 12.25, source: "s".into() }
}

fn sample(folder: &Path, count: u128) -> Store {
    let store = open(&folder.join("store"), "test/1", 3);
    store.append(&(0..count).map(memory).collect::<Vec<_>>()).unwrap();
    store.forget(&[1], Compact::Later).unwrap();
    assert_eq!(store.export_as(folder.join("out.parquet"), Format::Parquet).unwrap(), count as u64 - 1);
    store
}

#[test]
fn what_is_exported_as_parquet_can_be_imported_and_is_the_same() {
    for count in [3, 1700] {
        let folder = tempfile::tempdir().unwrap();
        let store = sample(folder.path(), count);
        let other = open(&folder.path().join("other"), "test/1", 3);
        assert_eq!(other.import(folder.path().join("out.parquet")).unwrap(), count as u64 - 1);
        assert!(other.read_all() == store.read_all());
        assert!(matches!(other.import(folder.path().join("out.parquet")), Err(Fault::Conflict { .. })));
        assert!(other.read_all() == store.read_all());
    }
}

#[test]
fn an_empty_store_makes_a_file_that_holds_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder.path().join("store"), "test/1", 3);
    let path = folder.path().join("out.parquet");
    assert_eq!(store.export_as(&path, Format::Parquet).unwrap(), 0);
    assert_eq!(store.import(&path).unwrap(), 0);
    assert!(matches!(store.export_as(&path, Format::Parquet), Err(Fault::Conflict { .. })));
}

#[test]
fn vectors_of_another_space_are_refused_in_parquet_too() {
    let folder = tempfile::tempdir().unwrap();
    sample(folder.path(), 3);
    let path = folder.path().join("out.parquet");
    let embedder = open(&folder.path().join("embedder"), "test/2", 3).import(&path);
    assert!(matches!(embedder, Err(Fault::Conflict { what, .. }) if what.contains("test/1")));
    let width = open(&folder.path().join("width"), "test/1", 2).import(&path);
    assert!(matches!(width, Err(Fault::Corrupt { why, .. }) if why.contains("vector")));
}

#[test]
fn a_parquet_file_that_was_cut_or_changed_never_panics_and_is_never_taken_in_part() {
    let folder = tempfile::tempdir().unwrap();
    sample(folder.path(), 3);
    let sound = fs::read(folder.path().join("out.parquet")).unwrap();
    let path = folder.path().join("hostile");
    let other = open(&folder.path().join("other"), "test/1", 3);
    let import = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        other.import(&path)
    };
    for cut in 0..sound.len() {
        assert!(import(&sound[..cut]).is_err(), "cut at {cut}");
    }
    let mut taken = 0;
    for at in 0..sound.len() {
        let mut bytes = sound.clone();
        bytes[at] ^= [0x01, 0x80, 0xff][at % 3];
        // Parquet carries no checksum here: some bytes are data, and any value of them is sound.
        match import(&bytes) {
            Ok(count) => {
                assert_eq!((count as usize, other.len()), (2, 2), "byte {at}");
                let ids: Vec<u128> = other.read_all().iter().map(|memory| memory.id).collect();
                other.forget(&ids, Compact::Later).unwrap();
                taken += 1;
            }
            Err(_) => assert!(other.is_empty(), "byte {at}"),
        }
    }
    assert!(taken > 0);
}
