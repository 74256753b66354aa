//! A disk that loses power at any call, and what the writing end of a store must keep on it. Only for tests.
use crate::change::Change;
use crate::chunk::Rows;
use crate::columns::{self, Header};
use crate::commit::{Committer, held};
use crate::compact::Wish;
use crate::frame::{self, HEAD_BYTES, Kind};
use crate::medium::{Draft, MARK_BYTES, Medium, decode_mark};
use crate::memory::{Memory, Space};
use crate::plan::Sizes;
use crate::read::Window;
use crate::recover::{self, Changes, Cursor};
use crate::segment;
use crate::state::State;
use foundation::Fault;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Arc, Mutex, RwLock};

#[derive(Clone, Default)]
struct Inode {
    durable: Vec<u8>,
    written: Vec<u8>,
}

impl Inode {
    /// What the platter holds: all that was synced, and of the rest whichever sectors the disk got to, in any order.
    fn platter(&self, mut seed: u64) -> Vec<u8> {
        let mut image = self.durable.clone();
        image.resize(self.written.len().max(image.len()), 0);
        for start in (0..self.written.len()).step_by(512) {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let sector = start..(start + 512).min(self.written.len());
            if seed >> 63 == 1 {
                image[sector.clone()].copy_from_slice(&self.written[sector]);
            }
        }
        image
    }
}

/// A disk that loses power: at its `crash_at`-th call, which may still be at its work, and after which nothing works.
#[derive(Default)]
struct Disk {
    inodes: Vec<Inode>,
    /// Which inode has the log's name, as the system sees it and as it is on the platter.
    log: usize,
    durable_log: usize,
    draft: Option<usize>,
    /// Which inode has a segment's name, as the system sees it and as it is on the platter.
    names: BTreeMap<String, usize>,
    durable_names: BTreeMap<String, usize>,
    mark: Vec<u8>,
    calls: u64,
    crash_at: u64,
    /// Done once, while a draft is being synced.
    meanwhile: Option<Box<dyn FnOnce() + Send>>,
}

type Shared = Arc<Mutex<Disk>>;

/// Count a call. `work` is done if there is power, and is begun by the call in which it goes out.
fn call(disk: &Shared, torn: bool, work: impl FnOnce(&mut Disk)) -> io::Result<()> {
    let mut disk = held(disk);
    disk.calls += 1;
    let alive = disk.calls <= disk.crash_at;
    if alive || (torn && disk.calls == disk.crash_at + 1) {
        work(&mut disk);
    }
    if alive { Ok(()) } else { Err(io::Error::other("no power")) }
}

fn put(inode: &mut Inode, offset: u64, bytes: &[u8]) {
    let end = offset as usize + bytes.len();
    inode.written.resize(inode.written.len().max(end), 0);
    inode.written[offset as usize..end].copy_from_slice(bytes);
}

struct Simulated(Shared);

impl Medium for Simulated {
    fn write(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        call(&self.0, true, |disk| put(&mut disk.inodes[disk.log], offset, bytes))
    }
    fn read(&mut self, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        let disk = held(&self.0);
        let bytes = disk.inodes[disk.log].written.get(offset as usize..offset as usize + length);
        bytes.map(<[u8]>::to_vec).ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }
    fn sync(&mut self) -> io::Result<()> {
        call(&self.0, false, |disk| {
            let inode = &mut disk.inodes[disk.log];
            inode.durable = inode.written.clone();
        })
    }
    fn truncate(&mut self, length: u64) -> io::Result<()> {
        call(&self.0, false, |disk| disk.inodes[disk.log].written.truncate(length as usize))
    }
    fn mark(&mut self, mark: [u8; MARK_BYTES]) -> io::Result<()> {
        call(&self.0, false, |disk| disk.mark = mark.to_vec())
    }
    fn draft(&mut self) -> io::Result<Box<dyn Draft>> {
        call(&self.0, true, |disk| {
            disk.inodes.push(Inode::default());
            disk.draft = Some(disk.inodes.len() - 1);
        })?;
        let inode = held(&self.0).inodes.len() - 1;
        Ok(Box::new(SimulatedDraft { disk: self.0.clone(), inode }))
    }
    fn discard(&mut self) -> io::Result<()> {
        call(&self.0, true, |disk| disk.draft = None)
    }
    fn swap(&mut self) -> io::Result<()> {
        call(&self.0, true, |disk| disk.log = disk.draft.take().unwrap())
    }
    fn segment(&mut self, name: &str) -> io::Result<Box<dyn Draft>> {
        call(&self.0, true, |disk| {
            assert!(!disk.names.contains_key(name), "{name} is there");
            disk.inodes.push(Inode::default());
            disk.names.insert(name.to_string(), disk.inodes.len() - 1);
        })?;
        let inode = held(&self.0).inodes.len() - 1;
        Ok(Box::new(SimulatedDraft { disk: self.0.clone(), inode }))
    }
    fn remove(&mut self, name: &str) -> io::Result<()> {
        call(&self.0, true, |disk| {
            disk.names.remove(name);
        })
    }
    fn sync_folder(&mut self) -> io::Result<()> {
        call(&self.0, false, |disk| {
            disk.durable_log = disk.log;
            disk.durable_names = disk.names.clone();
        })
    }
}

struct SimulatedDraft {
    disk: Shared,
    inode: usize,
}

impl Draft for SimulatedDraft {
    fn write(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        call(&self.disk, true, |disk| put(&mut disk.inodes[self.inode], offset, bytes))
    }
    fn sync(&mut self) -> io::Result<()> {
        let meanwhile = held(&self.disk).meanwhile.take();
        if let Some(meanwhile) = meanwhile {
            meanwhile();
        }
        call(&self.disk, false, |disk| {
            let inode = &mut disk.inodes[self.inode];
            inode.durable = inode.written.clone();
        })
    }
}

fn space() -> Space {
    Space { embedder: "test/1".into(), width: 2 }
}

fn memory(id: u128) -> Memory {
    let text = format!("<{id}>{}", "t".repeat(900));
    Memory { id, text, vector: vec![1.0, id as f32], created_unix_s: 0.0, source: "s".into() }
}

/// A writer on a new store on a disk that works for `crash_at` calls, and what it keeps.
struct Writer {
    disk: Shared,
    committer: Committer,
    state: RwLock<State>,
}

impl Writer {
    fn new(crash_at: u64) -> Arc<Self> {
        Self::of(crash_at, Sizes::default())
    }

    fn of(crash_at: u64, sizes: Sizes) -> Arc<Self> {
        let header = Header { space: space(), identity: 3, first_number: 1, sealed_bytes: 0, segments: vec![] };
        let log = frame::encode(0, 0, Kind::Header, &columns::encode_header(&header).unwrap());
        let cursor = Cursor { identity: 3, width: 2, offset: log.len() as u64, sequence: 1, loose_bytes: 0 };
        let inode = Inode { durable: log.clone(), written: log };
        let disk = Arc::new(Mutex::new(Disk { crash_at, inodes: vec![inode], ..Disk::default() }));
        let mut committer = Committer::new("log".into(), Box::new(Simulated(disk.clone())), cursor, vec![]);
        committer.sizes = sizes;
        Arc::new(Self { disk, committer, state: RwLock::new(State::new(2, 0)) })
    }

    fn store(&self, id: u128) -> Result<u64, Fault> {
        self.committer.commit(Change::Store(Rows::of_memories(&[memory(id)])), &self.state)
    }

    fn forget(&self, id: u128) -> Result<u64, Fault> {
        self.committer.commit(Change::Forget(vec![id]), &self.state)
    }

    fn compact(&self) -> Result<u64, Fault> {
        self.committer.rewrite(Wish { space: &space(), drawn: 5, added: vec![], seal: false }, &self.state)
    }
}

/// The logs that may be there when power comes back: under the name as it was synced, or as it was last renamed.
fn images(disk: &Disk, seed: u64) -> BTreeMap<usize, Vec<u8>> {
    [disk.log, disk.durable_log].into_iter().map(|inode| (inode, disk.inodes[inode].platter(seed))).collect()
}

/// What a writer that opens this log finds, with the segments as they are on the platter.
fn found(disk: &Disk, image: &[u8], seed: u64) -> Vec<Memory> {
    let mut log = Window::new(&image, image.len() as u64);
    let (header, offset) = recover::header(&mut log).unwrap();
    let Header { identity, first_number, sealed_bytes, segments, .. } = header;
    let mut state = State::new(2, first_number - 1);
    for entry in segments {
        // Every name that a log on the platter tells must be there whether or not the folder's last changes are.
        let inode = disk.durable_names[&entry.name()];
        assert_eq!(disk.names[&entry.name()], inode);
        let file = disk.inodes[inode].platter(seed);
        let rows = segment::read(&mut Window::new(&&file[..], file.len() as u64), &entry, &space());
        state.take(rows.ok().unwrap(), Some(entry)).unwrap();
    }
    let mut cursor = Cursor { identity, width: 2, offset, sequence: first_number, loose_bytes: 0 };
    let mark = decode_mark(&disk.mark).filter(|mark| mark.0 == identity).map_or(0, |mark| mark.1);
    recover::frames(&mut log, &mut cursor, mark.max(sealed_bytes), &mut state).unwrap();
    state.settle().memories().collect()
}

/// What must be there after a loss of power, what must not, and what may.
#[derive(Default)]
struct Promised {
    kept: BTreeSet<u128>,
    gone: BTreeSet<u128>,
    open: BTreeSet<u128>,
}

impl Promised {
    fn store(&mut self, writer: &Writer, id: u128) {
        let set = if writer.store(id).is_ok() { &mut self.kept } else { &mut self.open };
        set.insert(id);
    }

    fn forget(&mut self, writer: &Writer, id: u128) {
        if !self.kept.remove(&id) {
            return;
        }
        let set = if writer.forget(id).is_ok() { &mut self.gone } else { &mut self.open };
        set.insert(id);
    }

    fn check(&self, writer: &Writer, seed: u64, what: &str) {
        let disk = held(&writer.disk);
        for image in images(&disk, seed).values() {
            let found = found(&disk, image, seed);
            assert!(found.iter().all(|one| *one == memory(one.id)), "{what}");
            let ids: BTreeSet<u128> = found.iter().map(|memory| memory.id).collect();
            assert!(ids.is_superset(&self.kept), "{:?} became {ids:?} {what}", self.kept);
            assert!(ids.is_disjoint(&self.gone), "{:?} forgotten, {ids:?} there {what}", self.gone);
            assert!(ids.iter().all(|id| self.kept.contains(id) || self.open.contains(id)), "{what}");
        }
    }
}

#[test]
fn what_was_acknowledged_outlives_a_loss_of_power_before_any_call() {
    for (crash_at, seed) in (0..24).flat_map(|crash_at| (0..16).map(move |seed| (crash_at, seed))) {
        let writer = Writer::new(crash_at);
        let acknowledged: Vec<u128> = (0..12).filter(|&id| writer.store(id).is_ok()).collect();
        let disk = held(&writer.disk);
        let image = disk.inodes[0].platter(seed * 977 + crash_at);
        let ids: Vec<u128> = found(&disk, &image, seed).iter().map(|memory| memory.id).collect();
        assert!(ids.starts_with(&acknowledged), "{acknowledged:?} became {ids:?} at {crash_at}");
        assert!(ids.len() <= acknowledged.len() + 1);
    }
}

#[test]
fn after_a_failed_sync_nothing_is_written_any_more() {
    let writer = Writer::new(4);
    assert_eq!(writer.store(1).unwrap(), 1);
    assert!(matches!(writer.store(2), Err(Fault::Io { .. })));
    held(&writer.disk).crash_at = u64::MAX;
    let calls = held(&writer.disk).calls;
    assert!(matches!(writer.store(3), Err(Fault::Io { .. })));
    assert!(matches!(writer.compact(), Err(Fault::Io { .. })));
    assert_eq!((held(&writer.disk).calls, writer.state.read().unwrap().len()), (calls, 1));
}

/// Appends, forgets and two compactions, during the first of which more comes; gives how many calls that took.
fn mixed(crash_at: u64, seeds: u64, sizes: Sizes) -> u64 {
    let writer = Writer::of(crash_at, sizes);
    let promised = Arc::new(Mutex::new(Promised::default()));
    (0..4).for_each(|id| held(&promised).store(&writer, id));
    (1..3).for_each(|id| held(&promised).forget(&writer, id));
    let (beside, noted) = (Arc::downgrade(&writer), promised.clone());
    held(&writer.disk).meanwhile = Some(Box::new(move || {
        let beside = beside.upgrade().unwrap();
        held(&noted).store(&beside, 10);
        held(&noted).forget(&beside, 0);
    }));
    let _ = writer.compact();
    held(&promised).store(&writer, 11);
    held(&promised).forget(&writer, 3);
    // An id that was forgotten may come again.
    if held(&promised).gone.remove(&1) {
        held(&promised).store(&writer, 1);
    }
    let _ = writer.compact();
    held(&promised).store(&writer, 12);
    for seed in 0..seeds {
        held(&promised).check(&writer, seed * 977 + crash_at, &format!("at call {crash_at}, seed {seed}"));
    }
    held(&writer.disk).calls
}

#[test]
fn a_loss_of_power_at_any_call_of_a_compaction_loses_nothing_and_brings_nothing_back() {
    let calls = mixed(u64::MAX, 1, Sizes::default());
    assert!(calls > 50, "{calls}");
    for crash_at in 0..calls {
        mixed(crash_at, 16, Sizes::default());
    }
}

#[test]
fn a_loss_of_power_at_any_call_of_a_sealing_loses_nothing_and_brings_nothing_back() {
    // Every rewriting makes segments: of one memory each, of two, or one of all.
    for segment in [500, 1500, 100_000] {
        let sizes = Sizes { sealed_from: 0, segment };
        let calls = mixed(u64::MAX, 1, sizes);
        assert!(calls > 60, "{calls}");
        for crash_at in 0..calls {
            mixed(crash_at, 16, sizes);
        }
    }
}

#[test]
fn no_segment_that_is_not_named_is_left_and_none_holds_what_was_forgotten() {
    let writer = Writer::of(u64::MAX, Sizes { sealed_from: 0, segment: 1500 });
    (0..6).try_for_each(|id| writer.store(id).map(drop)).unwrap();
    writer.compact().unwrap();
    let before = held(&writer.disk).durable_names.clone();
    assert_eq!(before.len(), 3);
    writer.forget(3).unwrap();
    writer.compact().unwrap();
    let disk = held(&writer.disk);
    assert_eq!(disk.durable_names.len(), 3);
    assert_eq!(disk.durable_names.iter().filter(|name| before.contains_key(name.0)).count(), 2, "two were not touched");
    for inode in disk.durable_names.values().chain([&disk.durable_log]) {
        let bytes = &disk.inodes[*inode].durable;
        assert!(!bytes.windows(3).any(|window| window == b"<3>"));
    }
}

#[test]
fn a_compacted_log_holds_no_byte_of_what_was_forgotten_before() {
    let writer = Writer::new(u64::MAX);
    (0..6).try_for_each(|id| writer.store(id).map(drop)).unwrap();
    (2..6).try_for_each(|id| writer.forget(id).map(drop)).unwrap();
    assert!(writer.compact().unwrap() > 3000);
    let disk = held(&writer.disk);
    let image = &disk.inodes[disk.durable_log].durable;
    let holds = |text: &str| image.windows(text.len()).any(|bytes| bytes == text.as_bytes());
    assert!((0..6).all(|id| holds(&format!("<{id}>")) == (id < 2)));
    assert_eq!(disk.draft, None);
}

#[test]
fn damage_within_a_compacted_log_is_damage_even_without_a_mark() {
    let writer = Writer::new(u64::MAX);
    (0..3).try_for_each(|id| writer.store(id).map(drop)).unwrap();
    writer.compact().unwrap();
    let mut disk = held(&writer.disk);
    disk.mark.clear();
    let image = &disk.inodes[disk.durable_log].durable;
    assert_eq!(found(&disk, image, 0).len(), 3);
    let (header, offset) = recover::header(&mut Window::new(&&image[..], image.len() as u64)).unwrap();
    assert_eq!((header.sealed_bytes, header.first_number), (image.len() as u64, 1));
    for at in (offset as usize..image.len()).step_by(HEAD_BYTES) {
        let mut image = image.clone();
        image[at] ^= 4;
        let mut cursor = Cursor { identity: header.identity, width: 2, offset, sequence: 1, loose_bytes: 0 };
        let bytes = &image[..];
        let mut log = Window::new(&bytes, image.len() as u64);
        let mut changes = Changes::default();
        assert!(recover::frames(&mut log, &mut cursor, header.sealed_bytes, &mut changes).is_err(), "byte {at}");
    }
}

#[test]
fn a_failed_draft_leaves_the_store_as_it_was_and_open() {
    // Calls: three a memory; then the draft, its frame, its sync, its header, its second sync.
    for fails_at in 6..11 {
        let writer = Writer::new(fails_at);
        (0..2).try_for_each(|id| writer.store(id).map(drop)).unwrap();
        assert!(matches!(writer.compact(), Err(Fault::Io { .. })), "call {fails_at}");
        held(&writer.disk).crash_at = u64::MAX;
        writer.store(2).unwrap();
        writer.compact().unwrap();
        let disk = held(&writer.disk);
        assert_eq!(found(&disk, &disk.inodes[disk.durable_log].durable, 0).len(), 3);
    }
}
