//! A store whose files are used where they lie: the same store as any other, checked as much, and nothing forgotten stays.
#![allow(clippy::unwrap_used)]
use foundation::Fault;
use std::fs::{self, File};
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use storage::{Columns, Compact, Mapped, Mapper, Memory, OpenOptions, Snapshot, Space, Store};

const WIDTH: usize = 64;
const MANY: usize = 8000;

/// Bytes read once, at an address where numbers may lie; what a map gives but for its speed.
struct Held(Vec<f32>);

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        bytemuck::cast_slice(&self.0)
    }
}

fn held(file: &File, bytes: Range<u64>) -> io::Result<Mapped> {
    let length = (bytes.end - bytes.start) as usize;
    if !length.is_multiple_of(4) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let mut numbers = vec![0.0; length / 4];
    file.read_exact_at(bytemuck::cast_slice_mut(&mut numbers), bytes.start)?;
    Ok(Arc::new(Held(numbers)))
}

fn refused(_: &File, _: Range<u64>) -> io::Result<Mapped> {
    Err(io::ErrorKind::Unsupported.into())
}

fn as_it_is(_: &mut [f32]) {}

fn options(writer: bool) -> OpenOptions {
    let space = Some(Space { embedder: "test/1".into(), width: WIDTH });
    OpenOptions { writer, space, clock: Arc::new(|| 1.7e9) }
}

fn open(folder: &Path, writer: bool, map: Mapper) -> Result<Store, Fault> {
    Store::open_mapped(folder, &options(writer), as_it_is, map)
}

fn memory(id: usize) -> Memory {
    let vector = (0..WIDTH).map(|place| (id * WIDTH + place) as f32).collect();
    Memory { id: id as u128, text: format!("<{id:08}>"), vector, created_unix_s: 1.0, source: "test".into() }
}

fn append(store: &Store, ids: Range<usize>) {
    let memories: Vec<Memory> = ids.map(memory).collect();
    let texts: Vec<&str> = memories.iter().map(|memory| memory.text.as_str()).collect();
    let columns = Columns {
        ids: &memories.iter().map(|memory| memory.id).collect::<Vec<_>>(),
        texts: &texts,
        vectors: &memories.iter().flat_map(|memory| memory.vector.clone()).collect::<Vec<_>>(),
        created_unix_s: &vec![1.0; texts.len()],
        sources: &vec!["test"; texts.len()],
    };
    store.append_columns(&columns).unwrap();
}

fn holds(snapshot: &Snapshot, ids: &[usize]) {
    let want: Vec<Memory> = ids.iter().map(|id| memory(*id)).collect();
    assert!(snapshot.memories().eq(want.iter().cloned()));
    let numbers: Vec<f32> = want.iter().flat_map(|memory| memory.vector.clone()).collect();
    assert_eq!((snapshot.blocks().concat(), snapshot.matrix()), (numbers.clone(), &numbers[..]));
    assert!(want.iter().step_by(97).all(|memory| snapshot.get(memory.id).unwrap() == *memory));
}

#[test]
fn a_store_is_the_same_whether_its_files_can_be_mapped_or_not() {
    for map in [held as Mapper, refused] {
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path(), true, map).unwrap();
        append(&store, 0..MANY);
        append(&store, MANY..MANY + 3);
        append(&store, MANY + 3..2 * MANY);
        let first = store.snapshot();
        assert_eq!(first.blocks().len(), 3);
        store.forget(&[5, 6, MANY as u128, 2 * MANY as u128 - 1], Compact::Later).unwrap();
        let left: Vec<usize> = (0..2 * MANY - 1).filter(|id| ![5, 6, MANY].contains(id)).collect();
        holds(&store.snapshot(), &left);
        let reader = open(folder.path(), false, map).unwrap();
        holds(&reader.snapshot(), &left);
        store.compact().unwrap();
        holds(&store.snapshot(), &left);
        append(&store, 2 * MANY..3 * MANY);
        reader.refresh().unwrap();
        let all: Vec<usize> = left.iter().copied().chain(2 * MANY..3 * MANY).collect();
        holds(&reader.snapshot(), &all);
        holds(&first, &(0..2 * MANY).collect::<Vec<_>>());
        drop(store);
        let store = open(folder.path(), true, map).unwrap();
        holds(&store.snapshot(), &all);
        assert_eq!((store.recovery().segments, store.recovery().frames), (1, 1));
        // Half of a chunk: its rows lie apart, and are put together.
        store.forget(&(0..MANY as u128).step_by(2).filter(|id| *id != 6).collect::<Vec<_>>(), Compact::Now).unwrap();
        let odd: Vec<usize> = all.iter().copied().filter(|id| *id >= MANY || id % 2 == 1).collect();
        holds(&store.snapshot(), &odd);
    }
}

#[test]
fn what_is_mapped_is_held_against_its_checksum_before_anything_is_answered() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path(), true, held).unwrap();
    append(&store, 0..MANY);
    store.seal().unwrap();
    append(&store, MANY..2 * MANY);
    drop(store);
    let files: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    let large = files.iter().filter(|path| fs::metadata(path).unwrap().len() > 1 << 20);
    let mut tried = 0;
    for path in large {
        let sound = fs::read(path).unwrap();
        for at in (300..sound.len()).step_by(sound.len() / 29) {
            let mut bytes = sound.clone();
            bytes[at] ^= 0x10;
            fs::write(path, &bytes).unwrap();
            for writer in [true, false] {
                assert!(matches!(open(folder.path(), writer, held), Err(Fault::Corrupt { .. })), "byte {at}");
            }
            tried += 1;
        }
        fs::write(path, &sound).unwrap();
    }
    assert!(tried > 50);
    holds(&open(folder.path(), true, held).unwrap().snapshot(), &(0..2 * MANY).collect::<Vec<_>>());
}

static MAPPED: AtomicUsize = AtomicUsize::new(0);

fn counted(file: &File, bytes: Range<u64>) -> io::Result<Mapped> {
    MAPPED.fetch_add(1, Ordering::Relaxed);
    held(file, bytes)
}

#[test]
fn only_what_was_acknowledged_is_mapped() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path(), true, counted).unwrap();
    append(&store, 0..MANY);
    assert_eq!(MAPPED.load(Ordering::Relaxed), 1);
    drop(store);
    open(folder.path(), false, counted).unwrap();
    assert_eq!(MAPPED.load(Ordering::Relaxed), 2);
    // Without the mark nobody knows what a writer may still cut off.
    fs::remove_file(folder.path().join("mark")).unwrap();
    holds(&open(folder.path(), false, counted).unwrap().snapshot(), &(0..MANY).collect::<Vec<_>>());
    assert_eq!(MAPPED.load(Ordering::Relaxed), 2);
}
