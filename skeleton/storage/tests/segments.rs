//! Segments: what a log was sealed into is read, kept, written anew only where it must be, and never served damaged.
#![allow(clippy::unwrap_used)]
use foundation::Fault;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use storage::{Columns, Compact, Memory, OpenOptions, Space, Store};

fn options(writer: bool, width: usize) -> OpenOptions {
    let space = Some(Space { embedder: "test/1".into(), width });
    OpenOptions { writer, space, clock: Arc::new(|| 1.7e9) }
}

fn open(folder: &Path) -> Store {
    Store::open(folder, &options(true, 2)).unwrap()
}

fn memory(id: u128) -> Memory {
    let text = format!("the secret of {id:08} — é");
    Memory { id, text, vector: vec![id as f32, -1.0], created_unix_s: 12.25, source: format!("told by {id}") }
}

fn segments(folder: &Path) -> BTreeSet<PathBuf> {
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with("segment-")).collect()
}

#[test]
fn a_sealed_store_is_the_same_store_and_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    store.append(&(0..20).map(memory).collect::<Vec<_>>()).unwrap();
    store.forget(&[3], Compact::Later).unwrap();
    let held = store.snapshot();
    let before = store.read_all();
    store.seal().unwrap();
    assert_eq!((store.read_all(), segments(folder.path()).len()), (before.clone(), 1));
    assert_eq!(store.append(&[memory(20)]).unwrap(), 22);
    store.forget(&[7], Compact::Later).unwrap();
    assert_eq!(held.memories().collect::<Vec<_>>(), before);
    let after = store.read_all();
    drop(store);
    for writer in [false, true] {
        let store = Store::open(folder.path(), &options(writer, 2)).unwrap();
        assert_eq!(store.read_all(), after);
        let recovery = store.recovery();
        assert_eq!((recovery.segments, recovery.frames, recovery.memories, recovery.forgotten), (1, 2, 19, 1));
    }
    let store = open(folder.path());
    assert_eq!(store.append(&[memory(3)]).unwrap(), 24);
    assert!(matches!(store.append(&[memory(9)]), Err(Fault::Conflict { .. })));
}

#[test]
fn forgetting_now_writes_only_the_segment_that_it_touched() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    // Two of more than half the size of a full segment, so that they are not put together.
    let large = |id: u128| Memory { text: format!("<{id:08}>{}", "x".repeat(1 << 20)), ..memory(id) };
    for first in [0, 40] {
        store.append(&(first..first + 40).map(large).collect::<Vec<_>>()).unwrap();
        store.seal().unwrap();
    }
    let before = segments(folder.path());
    assert_eq!(before.len(), 2);
    assert_eq!(store.forget(&[5], Compact::Now).unwrap(), 1);
    let after = segments(folder.path());
    assert_eq!((after.len(), before.intersection(&after).count()), (2, 1));
    assert!(after.iter().all(|path| !fs::read(path).unwrap().windows(10).any(|bytes| bytes == b"<00000005>")));
    store.forget(&(40..80).collect::<Vec<_>>(), Compact::Now).unwrap();
    assert_eq!(segments(folder.path()).len(), 1);
    drop(store);
    let ids: Vec<u128> = open(folder.path()).read_all().iter().map(|memory| memory.id).collect();
    assert_eq!(ids, (0..40).filter(|id| *id != 5).collect::<Vec<_>>());
}

#[test]
fn a_cut_or_a_flipped_bit_anywhere_in_a_segment_is_named_and_nothing_is_served() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    store.append(&[memory(1), memory(2)]).unwrap();
    store.seal().unwrap();
    drop(store);
    let path = segments(folder.path()).pop_first().unwrap();
    let sound = fs::read(&path).unwrap();
    let refused = |bytes: &[u8], what: &str| {
        fs::write(&path, bytes).unwrap();
        match Store::open(folder.path(), &options(false, 2)) {
            Err(Fault::Corrupt { path: named, .. }) => assert_eq!(named, path, "{what}"),
            _ => panic!("opened with {what}"),
        }
    };
    for at in 0..sound.len() {
        let mut bytes = sound.clone();
        bytes[at] ^= 1 << (at % 8);
        refused(&bytes, &format!("a flipped bit at {at}"));
        refused(&sound[..at], &format!("a cut at {at}"));
    }
    refused(&[&sound[..], &[0]].concat(), "a byte more");
    fs::remove_file(&path).unwrap();
    let opened = Store::open(folder.path(), &options(true, 2));
    assert!(matches!(opened, Err(Fault::Corrupt { path: named, .. }) if named == path), "a missing segment");
    fs::write(&path, &sound).unwrap();
    assert_eq!(open(folder.path()).len(), 2);
}

#[test]
fn what_no_log_names_is_removed_by_a_writer_and_left_by_a_reader() {
    let folder = tempfile::tempdir().unwrap();
    open(folder.path()).append(&[memory(1)]).unwrap();
    let stray = folder.path().join("segment-0000000000000001-00000000");
    fs::write(&stray, "left by a writer that died").unwrap();
    Store::open(folder.path(), &options(false, 2)).unwrap();
    assert!(stray.exists());
    open(folder.path());
    assert!(!stray.exists());
}

#[test]
fn a_segment_is_a_stream_that_arrow_reads_and_that_can_be_imported() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder.path().join("store"));
    store.append(&(0..9).map(memory).collect::<Vec<_>>()).unwrap();
    store.seal().unwrap();
    let path = segments(&folder.path().join("store")).pop_first().unwrap();
    let reader = arrow_ipc::reader::StreamReader::try_new(fs::File::open(&path).unwrap(), None).unwrap();
    assert_eq!(reader.map(|batch| batch.unwrap().num_rows()).sum::<usize>(), 9);
    let other = open(&folder.path().join("other"));
    assert_eq!(other.import(&path).unwrap(), 9);
    assert_eq!(other.read_all(), store.read_all());
}

#[test]
fn a_reader_beside_takes_segments_up_and_survives_those_that_go() {
    let folder = tempfile::tempdir().unwrap();
    let writer = open(folder.path());
    writer.append(&(0..8).map(memory).collect::<Vec<_>>()).unwrap();
    let reader = Store::open(folder.path(), &options(false, 2)).unwrap();
    std::thread::scope(|scope| {
        let writing = scope.spawn(|| {
            for id in 8..40 {
                writer.append(&[memory(id)]).unwrap();
                writer.forget(&[id - 8], Compact::Later).unwrap();
                writer.seal().unwrap();
            }
        });
        while !writing.is_finished() {
            reader.refresh().unwrap();
            assert!(reader.read_all().iter().all(|found| *found == memory(found.id)));
            Store::open(folder.path(), &options(false, 2)).unwrap();
        }
    });
    reader.refresh().unwrap();
    assert_eq!(reader.read_all(), writer.read_all());
    assert_eq!((segments(folder.path()).len(), writer.len()), (1, 8));
}

/// Memories as columns, enough of them to go past the queue.
fn columns<T>(count: u128, change: impl Fn(&mut Vec<f32>), use_them: impl FnOnce(&Columns<'_>) -> T) -> T {
    let ids: Vec<u128> = (0..count).collect();
    let texts: Vec<String> = ids.iter().map(|id| memory(*id).text).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let sources: Vec<String> = ids.iter().map(|id| memory(*id).source).collect();
    let sources: Vec<&str> = sources.iter().map(String::as_str).collect();
    let mut vectors: Vec<f32> = ids.iter().flat_map(|id| memory(*id).vector).collect();
    change(&mut vectors);
    let created_unix_s = vec![12.25; ids.len()];
    let (ids, texts, vectors, sources) = (&ids[..], &texts[..], &vectors[..], &sources[..]);
    use_them(&Columns { ids, texts, vectors, created_unix_s: &created_unix_s, sources })
}

#[test]
fn columns_are_stored_as_memories_are_whether_few_or_many() {
    for count in [3, 30_000] {
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path());
        assert_eq!(columns(count, |_| {}, |columns| store.append_columns(columns)).unwrap(), count as u64);
        assert!(matches!(columns(count, |_| {}, |columns| store.append_columns(columns)), Err(Fault::Conflict { .. })));
        assert_eq!(store.get(count - 1).unwrap(), memory(count - 1));
        assert!(store.read_all().iter().zip(0..).all(|(found, id)| *found == memory(id)));
        assert_eq!(store.append(&[memory(count)]).unwrap(), count as u64 + 1);
        drop(store);
        let store = open(folder.path());
        assert_eq!((store.len() as u128, store.recovery().frames), (count + 1, 2));
        assert!(store.read_all().iter().zip(0..).all(|(found, id)| *found == memory(id)));
    }
}

#[test]
fn bad_columns_are_refused_and_leave_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    for count in [3, 30_000] {
        let length = || fs::metadata(folder.path().join("log")).unwrap().len();
        let before = length();
        let last = |vectors: &mut Vec<f32>| *vectors.last_mut().unwrap() = f32::INFINITY;
        let refused = columns(count, last, |columns| store.append_columns(columns));
        assert!(
            matches!(refused, Err(Fault::OutOfRange { what, .. }) if what.contains(&format!("{:032x}", count - 1)))
        );
        let short =
            columns(count, |vectors| vectors.truncate(vectors.len() - 1), |columns| store.append_columns(columns));
        assert!(matches!(short, Err(Fault::Shape { .. })));
        assert_eq!((store.len(), length()), (0, before));
    }
    columns(30_000, |_| {}, |columns| store.append_columns(columns)).unwrap();
    drop(store);
    assert_eq!(open(folder.path()).len(), 30_000);
}

#[test]
fn a_large_append_of_memories_is_one_frame_and_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let memories: Vec<Memory> = (0..30_000).map(memory).collect();
    assert_eq!(store.append(&memories).unwrap(), 30_000);
    assert!(store.read_all() == memories);
    drop(store);
    assert!(open(folder.path()).read_all() == memories);
}

#[test]
fn many_small_appends_are_put_together_by_themselves() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let large = |id: u128| Memory { text: "x".repeat(900 << 10), ..memory(id) };
    for id in 0..12 {
        store.append(&[large(id)]).unwrap();
    }
    assert_eq!(segments(folder.path()).len(), 1);
    assert!(fs::metadata(folder.path().join("log")).unwrap().len() < 4 << 20);
    let before = store.read_all();
    assert_eq!(before.len(), 12);
    drop(store);
    assert!(open(folder.path()).read_all() == before);
}

#[test]
fn a_store_that_may_only_be_read_can_be_read_and_says_why_it_cannot_be_written() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    open(folder.path()).append(&[memory(1)]).unwrap();
    let allow = |mode| fs::set_permissions(folder.path(), fs::Permissions::from_mode(mode)).unwrap();
    allow(0o500);
    assert_eq!(Store::open(folder.path(), &options(false, 2)).unwrap().len(), 1);
    // Whoever may do anything, as in a container, may write here too.
    if let Err(fault) = Store::open(folder.path(), &options(true, 2)) {
        assert!(matches!(fault, Fault::Io { .. }), "{fault}");
    }
    allow(0o700);
}
