//! Memories that leave a store as an Arrow stream and come back; streams that were never ours, or are no longer whole.
#![allow(clippy::unwrap_used)]
use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, Float64Type};
use arrow_ipc::reader::StreamReader;
use foundation::Fault;
use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;
use storage::{Compact, Memory, OpenOptions, Space, Store};

fn open(folder: &Path, embedder: &str, width: usize) -> Store {
    let space = Some(Space { embedder: embedder.into(), width });
    Store::open(folder, &OpenOptions { writer: true, space, clock: Arc::new(|| 1.7e9) }).unwrap()
}

fn memory(id: u128) -> Memory {
    Memory {
        id,
        text: format!("memory {id} — é"),
        vector: vec![id as f32, -0.5],
        created_unix_s: 12.25,
        source: "s".into(),
    }
}

/// A store of three memories, one of them forgotten, and its export.
fn sample(folder: &Path) -> Store {
    let store = open(&folder.join("store"), "test/1", 2);
    store.append(&[memory(1), memory(2), memory(3)]).unwrap();
    store.forget(&[2], Compact::Later).unwrap();
    assert_eq!(store.export(folder.join("out.arrows")).unwrap(), 2);
    store
}

#[test]
fn what_is_exported_can_be_imported_and_is_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let store = sample(folder.path());
    let other = open(&folder.path().join("other"), "test/1", 2);
    other.append(&[memory(7)]).unwrap();
    assert_eq!(other.import(folder.path().join("out.arrows")).unwrap(), 2);
    assert_eq!(other.read_all(), [vec![memory(7)], store.read_all()].concat());
    drop(other);
    assert_eq!(open(&folder.path().join("other"), "test/1", 2).len(), 3);
}

#[test]
fn an_export_is_a_stream_that_arrow_reads_and_holds_nothing_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    sample(folder.path());
    let file = File::open(folder.path().join("out.arrows")).unwrap();
    let reader = StreamReader::try_new(file, None).unwrap();
    assert_eq!(reader.schema().metadata()["embedder"], "test/1");
    let batches: Vec<_> = reader.map(|batch| batch.unwrap()).collect();
    assert_eq!((batches.len(), batches[0].num_rows()), (1, 2));
    assert_eq!(batches[0].column(0).as_fixed_size_binary().value(1), 3u128.to_be_bytes());
    assert_eq!(batches[0].column(1).as_string::<i32>().value(1), "memory 3 — é");
    let vectors = batches[0].column(2).as_fixed_size_list();
    assert_eq!(vectors.value(1).as_primitive::<Float32Type>().values()[..], [3.0, -0.5]);
    assert_eq!(batches[0].column(3).as_primitive::<Float64Type>().value(0), 12.25);
}

#[test]
fn an_export_replaces_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let store = sample(folder.path());
    let before = fs::read(folder.path().join("out.arrows")).unwrap();
    assert!(matches!(store.export(folder.path().join("out.arrows")), Err(Fault::Conflict { .. })));
    assert_eq!(fs::read(folder.path().join("out.arrows")).unwrap(), before);
    assert!(matches!(store.export(folder.path().join("none/out.arrows")), Err(Fault::Io { .. })));
}

#[test]
fn an_import_stores_all_or_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = sample(folder.path());
    let path = folder.path().join("out.arrows");
    let other = open(&folder.path().join("other"), "test/1", 2);
    other.append(&[memory(3)]).unwrap();
    assert!(matches!(other.import(&path), Err(Fault::Conflict { .. })));
    assert_eq!(other.read_all(), [memory(3)]);
    assert!(matches!(other.import(folder.path().join("none")), Err(Fault::Io { .. })));
    let bytes = fs::read(&path).unwrap();
    let schema_bytes = 8 + u32::from_le_bytes(bytes[4..8].try_into().unwrap()) as usize;
    let twice = [&bytes[..bytes.len() - 8], &bytes[schema_bytes..]].concat();
    fs::write(&path, twice).unwrap();
    store.forget(&[1, 3], Compact::Now).unwrap();
    assert!(matches!(store.import(&path), Err(Fault::Conflict { .. })));
    assert!(store.is_empty());
}

#[test]
fn vectors_of_another_space_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    sample(folder.path());
    let path = folder.path().join("out.arrows");
    let embedder = open(&folder.path().join("embedder"), "test/2", 2).import(&path);
    assert!(matches!(embedder, Err(Fault::Conflict { what, .. }) if what.contains("test/1")));
    let width = open(&folder.path().join("width"), "test/1", 3).import(&path);
    assert!(matches!(width, Err(Fault::Corrupt { why, .. }) if why.contains("vector")));
}

#[test]
fn a_stream_that_was_cut_or_changed_never_panics_and_is_never_taken_in_part() {
    let folder = tempfile::tempdir().unwrap();
    sample(folder.path());
    let sound = fs::read(folder.path().join("out.arrows")).unwrap();
    let path = folder.path().join("hostile");
    let other = open(&folder.path().join("other"), "test/1", 2);
    let import = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        other.import(&path)
    };
    for cut in 0..sound.len() {
        let refused = import(&sound[..cut]);
        assert!(matches!(refused, Err(Fault::Corrupt { path: named, .. }) if named == path), "cut at {cut}");
    }
    assert!(matches!(import(&[&sound[..], &[0]].concat()), Err(Fault::Corrupt { .. })));
    for at in 0..sound.len() {
        let mut bytes = sound.clone();
        bytes[at] ^= [0x01, 0x80, 0xff][at % 3];
        // Some bytes are data, and any value of them is sound; then both memories came in, whatever they say.
        match import(&bytes) {
            Ok(count) => {
                assert_eq!((count as usize, other.len()), (2, 2), "byte {at}");
                let ids: Vec<u128> = other.read_all().iter().map(|memory| memory.id).collect();
                other.forget(&ids, Compact::Later).unwrap();
            }
            Err(_) => assert!(other.is_empty(), "byte {at}"),
        }
    }
}

#[test]
fn an_import_larger_than_an_append_comes_in_whole() {
    let folder = tempfile::tempdir().unwrap();
    let large = |id| Memory { text: "x".repeat(30 << 20), ..memory(id) };
    let store = open(&folder.path().join("store"), "test/1", 2);
    (0..5).for_each(|id| assert!(store.append(&[large(id)]).is_ok()));
    store.export(folder.path().join("out.arrows")).unwrap();
    drop(store);
    let other = open(&folder.path().join("other"), "test/1", 2);
    other.append(&[memory(3)]).unwrap();
    assert!(matches!(other.import(folder.path().join("out.arrows")), Err(Fault::Conflict { .. })));
    assert_eq!(other.read_all(), [memory(3)]);
    other.forget(&[3], Compact::Later).unwrap();
    other.append(&[memory(9)]).unwrap();
    assert_eq!(other.import(folder.path().join("out.arrows")).unwrap(), 5);
    drop(other);
    let other = open(&folder.path().join("other"), "test/1", 2);
    assert_eq!(other.read_all().iter().map(|memory| memory.id).collect::<Vec<_>>(), [9, 0, 1, 2, 3, 4]);
    assert_eq!(other.append(&[memory(10)]).unwrap(), 9);
}
