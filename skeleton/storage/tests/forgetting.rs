//! What forgetting and compacting promise, on a real disk: gone at once for every reader, and from the bytes in time.
#![allow(clippy::unwrap_used)]
use foundation::Fault;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use storage::{Compact, Memory, OpenOptions, Space, Store};

fn options(writer: bool) -> OpenOptions {
    let space = Some(Space { embedder: "test/1".into(), width: 2 });
    OpenOptions { writer, space, clock: Arc::new(|| 1.7e9) }
}

fn open(folder: &Path) -> Store {
    Store::open(folder, &options(true)).unwrap()
}

fn memory(id: u128) -> Memory {
    let text = format!("the secret of {id:08}");
    Memory { id, text, vector: vec![id as f32, -1.0], created_unix_s: 12.25, source: format!("told by {id:08}") }
}

/// Which of the memories' words are somewhere in the files of the folder.
fn on_disk(folder: &Path, ids: std::ops::Range<u128>) -> Vec<u128> {
    let files = fs::read_dir(folder).unwrap().map(|entry| fs::read(entry.unwrap().path()).unwrap());
    let bytes: Vec<u8> = files.flatten().collect();
    let holds = |text: String| bytes.windows(text.len()).any(|window| window == text.as_bytes());
    ids.filter(|id| holds(format!("secret of {id:08}")) || holds(format!("told by {id:08}"))).collect()
}

#[test]
fn a_forgotten_memory_is_nowhere_to_be_read_and_stays_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    store.append(&[memory(0), memory(1), memory(2), memory(3)]).unwrap();
    assert_eq!(store.forget(&[1, 3, 1], Compact::Later).unwrap(), 2);
    let check = |store: &Store| {
        assert_eq!(store.read_all(), [memory(0), memory(2)]);
        assert_eq!((store.len(), store.row(1).unwrap(), store.get(2).unwrap()), (2, memory(2), memory(2)));
        assert_eq!(store.vectors()[..], [0.0, -1.0, 2.0, -1.0]);
        assert!(matches!(store.get(3), Err(Fault::NotFound { .. })));
        assert!(matches!(store.row(2), Err(Fault::NotFound { .. })));
    };
    check(&store);
    drop(store);
    let store = open(folder.path());
    check(&store);
    assert_eq!((store.recovery().memories, store.recovery().forgotten, store.recovery().frames), (2, 2, 2));
    // Four were stored and two forgotten, so the next number is 7; an id may come again.
    assert_eq!(store.append(&[memory(3)]).unwrap(), 7);
    assert_eq!(store.append(&[]).unwrap(), 7);
    assert_eq!(store.read_all(), [memory(0), memory(2), memory(3)]);
}

#[test]
fn an_unknown_id_forgets_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    store.append(&[memory(0), memory(1)]).unwrap();
    assert!(matches!(store.forget(&[0, 9], Compact::Later), Err(Fault::NotFound { .. })));
    assert_eq!(store.forget(&[], Compact::Later).unwrap(), 0);
    assert_eq!(store.len(), 2);
    store.forget(&[0], Compact::Later).unwrap();
    assert!(matches!(store.forget(&[0], Compact::Now), Err(Fault::NotFound { .. })));
}

#[test]
fn threads_that_forget_the_same_memory_agree_on_who_did() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    store.append(&(0..50).map(memory).collect::<Vec<_>>()).unwrap();
    let forgot = || (0..50).filter(|id| store.forget(&[*id], Compact::Later).is_ok()).count();
    let counts: Vec<usize> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(forgot)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!((counts.iter().sum::<usize>(), store.len()), (50, 0));
    drop(store);
    assert!(open(folder.path()).is_empty());
}

#[test]
fn compacting_takes_forgotten_words_out_of_every_file() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    store.append(&(0..20).map(memory).collect::<Vec<_>>()).unwrap();
    store.forget(&[3, 4], Compact::Later).unwrap();
    assert_eq!(on_disk(folder.path(), 0..20).len(), 20, "later is not now");
    assert!(store.compact().unwrap() > 0);
    assert_eq!(on_disk(folder.path(), 3..5), Vec::<u128>::new());
    assert_eq!(store.forget(&[5], Compact::Now).unwrap(), 1);
    assert_eq!(on_disk(folder.path(), 0..20), (0..3).chain(6..20).collect::<Vec<_>>());
    let before = store.read_all();
    assert_eq!(store.append(&[memory(20)]).unwrap(), 24);
    drop(store);
    let store = open(folder.path());
    assert_eq!(store.read_all(), [before, vec![memory(20)]].concat());
    assert_eq!((store.recovery().forgotten, store.recovery().dropped_bytes, store.recovery().marked), (0, 0, true));
}

#[test]
fn what_a_dead_writers_draft_held_is_gone_when_the_store_is_opened() {
    let folder = tempfile::tempdir().unwrap();
    drop(open(folder.path()));
    fs::write(folder.path().join("log.new"), memory(7).text).unwrap();
    Store::open(folder.path(), &options(false)).unwrap();
    assert_eq!(on_disk(folder.path(), 7..8), [7], "a reader changes nothing");
    open(folder.path());
    assert_eq!(on_disk(folder.path(), 7..8), Vec::<u128>::new());
}

#[test]
fn a_store_compacts_itself_when_most_of_it_is_dead() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let large = |id| Memory { text: format!("{} {}", memory(id).text, "x".repeat(10_000)), ..memory(id) };
    store.append(&(0..20).map(large).collect::<Vec<_>>()).unwrap();
    for id in 0..9 {
        store.forget(&[id], Compact::Later).unwrap();
    }
    assert_eq!(on_disk(folder.path(), 0..20).len(), 20);
    store.forget(&[9], Compact::Later).unwrap();
    assert_eq!(on_disk(folder.path(), 0..20), (10..20).collect::<Vec<_>>());
    store.forget(&[10], Compact::Later).unwrap();
    assert_eq!(on_disk(folder.path(), 0..20).len(), 10, "the count begins anew");
}

#[test]
fn a_snapshot_stays_whatever_is_forgotten_and_compacted() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    store.append(&[memory(0), memory(1), memory(2)]).unwrap();
    let before = store.snapshot();
    store.forget(&[0, 1], Compact::Now).unwrap();
    store.append(&[memory(3)]).unwrap();
    assert_eq!(before.memories().collect::<Vec<_>>(), [memory(0), memory(1), memory(2)]);
    assert_eq!((before.len(), before.row(1).unwrap(), before.get(0).unwrap()), (3, memory(1), memory(0)));
    assert_eq!(before.vectors()[..], [0.0, -1.0, 1.0, -1.0, 2.0, -1.0]);
    assert_eq!(store.read_all(), [memory(2), memory(3)]);
}

#[test]
fn a_reader_beside_goes_on_and_takes_a_compacted_log_up() {
    let folder = tempfile::tempdir().unwrap();
    let writer = open(folder.path());
    writer.append(&[memory(0), memory(1), memory(2)]).unwrap();
    let reader = Store::open(folder.path(), &options(false)).unwrap();
    writer.forget(&[1], Compact::Later).unwrap();
    assert_eq!((reader.refresh().unwrap(), reader.read_all()), (0, vec![memory(0), memory(2)]));
    writer.append(&[memory(3)]).unwrap();
    writer.forget(&[0], Compact::Now).unwrap();
    writer.append(&[memory(4)]).unwrap();
    assert_eq!(reader.read_all(), [memory(0), memory(2)], "nothing changes before it is asked for");
    assert_eq!((reader.refresh().unwrap(), reader.refresh().unwrap()), (2, 0));
    assert_eq!(reader.read_all(), writer.read_all());
    writer.append(&[memory(5)]).unwrap();
    assert_eq!((reader.refresh().unwrap(), reader.len()), (1, 4));
    for refused in [reader.forget(&[2], Compact::Now), reader.compact()] {
        assert!(matches!(refused, Err(Fault::Unsupported { .. })));
    }
}

#[test]
fn others_go_on_while_a_store_is_compacted() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    std::thread::scope(|scope| {
        let change = |thread: u128| {
            for id in (0..60).map(|turn| turn * 4 + thread) {
                store.append(&[memory(id)]).unwrap();
                if id % 3 == 0 {
                    store.forget(&[id], Compact::Later).unwrap();
                }
            }
        };
        let threads: Vec<_> = (0..4).map(|thread| scope.spawn(move || change(thread))).collect();
        while !threads.iter().all(|thread| thread.is_finished()) {
            store.compact().unwrap();
            Store::open(folder.path(), &options(false)).unwrap();
        }
    });
    let mut ids: Vec<u128> = store.read_all().iter().map(|memory| memory.id).collect();
    ids.sort_unstable();
    assert_eq!(ids, (0..240).filter(|id| id % 3 != 0).collect::<Vec<_>>());
    let before = store.read_all();
    drop(store);
    assert_eq!(open(folder.path()).read_all(), before);
}
