//! What a store promises while nothing goes wrong.
#![allow(clippy::unwrap_used)]
use foundation::Fault;
use std::path::Path;
use std::sync::Arc;
use storage::{Memory, OpenOptions, Space, Store};

fn options(writer: bool) -> OpenOptions {
    let space = Some(Space { embedder: "test/1".into(), width: 4 });
    OpenOptions { writer, space, clock: Arc::new(|| 1.7e9) }
}

fn open(folder: &Path) -> Store {
    Store::open(folder, &options(true)).unwrap()
}

fn memory(id: u128) -> Memory {
    let vector = vec![id as u16 as f32, 0.5, -1.0, 1e-40];
    Memory { id, text: format!("memory {id} — é"), vector, created_unix_s: 12.25, source: "test".into() }
}

#[test]
fn memories_outlive_the_store_and_come_back_as_they_were() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    assert_eq!(store.append(&[memory(1), memory(2)]).unwrap(), 2);
    assert_eq!(store.append(&[memory(u128::MAX)]).unwrap(), 3);
    assert_eq!(store.append(&[]).unwrap(), 3);
    drop(store);
    let store = open(folder.path());
    assert_eq!(store.read_all(), [memory(1), memory(2), memory(u128::MAX)]);
    assert_eq!((store.len(), store.get(2).unwrap(), store.row(2).unwrap()), (3, memory(2), memory(u128::MAX)));
    assert_eq!(store.vectors().len(), 12);
    assert_eq!((store.recovery().frames, store.recovery().dropped_bytes, store.recovery().marked), (2, 0, true));
    assert_eq!(store.append(&[memory(9)]).unwrap(), 4);
    assert!(matches!(store.get(77), Err(Fault::NotFound { .. })));
    assert!(matches!(store.row(4), Err(Fault::NotFound { .. })));
}

#[test]
fn a_second_writer_is_told_the_process_of_the_first() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    match Store::open(folder.path(), &options(true)) {
        Err(Fault::Conflict { what, .. }) => {
            assert!(what.ends_with(&format!("process id {}", std::process::id())), "{what}")
        }
        _ => panic!("two writers"),
    }
    drop(store);
    open(folder.path());
}

#[test]
fn a_reader_sees_what_a_writer_beside_it_stores() {
    let folder = tempfile::tempdir().unwrap();
    assert!(matches!(Store::open(folder.path(), &options(false)), Err(Fault::NotFound { .. })));
    let writer = open(folder.path());
    writer.append(&[memory(1)]).unwrap();
    let reader = Store::open(folder.path(), &OpenOptions { space: None, ..options(false) }).unwrap();
    assert_eq!((reader.len(), reader.space().embedder.as_str()), (1, "test/1"));
    writer.append(&[memory(2), memory(3)]).unwrap();
    writer.append(&[memory(4)]).unwrap();
    assert_eq!((reader.refresh().unwrap(), reader.refresh().unwrap(), writer.refresh().unwrap()), (3, 0, 0));
    assert_eq!(reader.read_all(), writer.read_all());
    assert!(matches!(reader.append(&[memory(5)]), Err(Fault::Unsupported { .. })));
}

#[test]
fn a_reader_never_mistakes_a_frame_being_written_for_damage() {
    let folder = tempfile::tempdir().unwrap();
    let writer = open(folder.path());
    let reader = Store::open(folder.path(), &options(false)).unwrap();
    std::thread::scope(|scope| {
        let writing = scope.spawn(|| (0..200).try_for_each(|id| writer.append(&[memory(id)]).map(|_| ())).unwrap());
        while !writing.is_finished() {
            reader.refresh().unwrap();
            Store::open(folder.path(), &options(false)).unwrap();
        }
    });
    reader.refresh().unwrap();
    assert_eq!(reader.len(), 200);
}

#[test]
fn threads_that_append_together_all_get_their_own_number() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let mut numbers: Vec<u64> = std::thread::scope(|scope| {
        let append =
            |thread: u128| (0..20).map(|i| store.append(&[memory(thread * 100 + i)]).unwrap()).collect::<Vec<_>>();
        let threads: Vec<_> = (0..16).map(|thread| scope.spawn(move || append(thread))).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=320).collect::<Vec<u64>>());
    drop(store);
    let store = open(folder.path());
    assert_eq!(store.len(), 320);
    assert!(store.recovery().frames < 320, "no two threads ever shared a sync");
}

#[test]
fn a_known_id_is_refused_and_nothing_of_its_call_is_stored() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    store.append(&[memory(1)]).unwrap();
    assert!(matches!(store.append(&[memory(2), memory(1)]), Err(Fault::Conflict { .. })));
    assert!(matches!(store.append(&[memory(3), memory(3)]), Err(Fault::Conflict { .. })));
    assert_eq!((store.len(), store.append(&[memory(2)]).unwrap()), (1, 2));
}

#[test]
fn bad_memories_and_another_space_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    assert!(matches!(store.append(&[Memory { vector: vec![0.0; 3], ..memory(1) }]), Err(Fault::Shape { .. })));
    let nan = Memory { vector: vec![0.0, f32::NAN, 0.0, 0.0], ..memory(1) };
    assert!(matches!(store.append(&[memory(2), nan]), Err(Fault::OutOfRange { .. })));
    let never = Memory { created_unix_s: f64::INFINITY, ..memory(1) };
    assert!(matches!(store.append(&[never]), Err(Fault::OutOfRange { .. })));
    let huge = Memory { text: "x".repeat(129 << 20), ..memory(1) };
    assert!(matches!(store.append(&[huge]), Err(Fault::Exhausted { .. })));
    assert!(store.is_empty());
    drop(store);
    for (embedder, width) in [("test/2", 4), ("test/1", 5)] {
        let space = Some(Space { embedder: embedder.into(), width });
        assert!(matches!(
            Store::open(folder.path(), &OpenOptions { space, ..options(true) }),
            Err(Fault::Conflict { .. })
        ));
    }
    let space = Some(Space { embedder: "test/1".into(), width: 0 });
    assert!(matches!(
        Store::open(folder.path(), &OpenOptions { space, ..options(true) }),
        Err(Fault::OutOfRange { .. })
    ));
}

#[test]
fn a_snapshot_of_the_vectors_stays_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    store.append(&[memory(1)]).unwrap();
    let before = store.vectors();
    store.append(&[memory(2)]).unwrap();
    assert_eq!((before.len(), store.vectors().len()), (4, 8));
    assert_eq!(before[..], store.vectors()[..4]);
}
