//! Group commit: whoever comes first writes for all who wait, in one frame and with one sync. Reads no log.
use crate::columns;
use crate::frame::{self, HEAD_BYTES, Kind, LARGEST_PAYLOAD};
use crate::medium::{Medium, encode_mark};
use crate::memory::Memory;
use crate::recover::Cursor;
use crate::state::State;
use foundation::{Fault, Outcome};
use std::collections::{HashMap, HashSet, VecDeque};
use std::io;
use std::path::PathBuf;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError, RwLock};

/// No more than this is gathered into one frame, unless one call alone brings more.
const GATHERED_BYTES: usize = 32 << 20;
/// The most that one call may bring; leaves room for Arrow's own bytes.
const LARGEST_APPEND: usize = LARGEST_PAYLOAD / 2;

/// The writing end of a store.
pub(crate) struct Committer {
    queue: Mutex<Queue>,
    turn: Condvar,
    log: Mutex<Log>,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Job>,
    done: HashMap<u64, Outcome<u64>>,
    next_ticket: u64,
    led: bool,
}

struct Job {
    ticket: u64,
    memories: Vec<Memory>,
    bytes: usize,
}

struct Log {
    path: PathBuf,
    medium: Box<dyn Medium>,
    cursor: Cursor,
    /// Set when the disk's state is no longer known; nothing is written after that.
    broken: Option<String>,
}

impl Committer {
    /// A committer that goes on at the cursor, which is the end of the log.
    pub(crate) fn new(path: PathBuf, medium: Box<dyn Medium>, cursor: Cursor) -> Self {
        let log = Mutex::new(Log { path, medium, cursor, broken: None });
        Self { queue: Mutex::default(), turn: Condvar::new(), log }
    }

    /// Put memories on the disk and then into `state`; gives the number of the last one. All of them or none.
    ///
    /// Returns only once a sync that began after the bytes were written has come back. Callers that wait at the same
    /// time share one sync. Memories are checked before.
    pub(crate) fn append(&self, memories: Vec<Memory>, state: &RwLock<State>) -> Outcome<u64> {
        let bytes = memories.iter().map(Memory::size_bytes).sum();
        if bytes > LARGEST_APPEND {
            let (what, need, have) = ("one append in bytes".into(), bytes as u64, LARGEST_APPEND as u64);
            return Err(Fault::Exhausted { what, need, have });
        }
        let mut queue = held(&self.queue);
        let ticket = queue.next_ticket;
        queue.next_ticket += 1;
        queue.waiting.push_back(Job { ticket, memories, bytes });
        loop {
            if let Some(outcome) = queue.done.remove(&ticket) {
                return outcome;
            }
            queue = match queue.led {
                true => self.turn.wait(queue).unwrap_or_else(PoisonError::into_inner),
                false => self.lead(queue, state),
            };
        }
    }

    /// Commit what waits, with the queue open for others meanwhile.
    fn lead<'a>(&'a self, mut queue: MutexGuard<'a, Queue>, state: &RwLock<State>) -> MutexGuard<'a, Queue> {
        queue.led = true;
        let jobs = queue.gather();
        drop(queue);
        let lead = Lead { committer: self, tickets: jobs.iter().map(|job| job.ticket).collect() };
        let outcomes = held(&self.log).commit(jobs, state);
        held(&self.queue).done.extend(outcomes);
        drop(lead);
        held(&self.queue)
    }
}

/// The turn to write. Hands it on even when writing panicked, so that nobody waits for ever.
struct Lead<'a> {
    committer: &'a Committer,
    tickets: Vec<u64>,
}

impl Drop for Lead<'_> {
    fn drop(&mut self) {
        let mut queue = held(&self.committer.queue);
        queue.led = false;
        if std::thread::panicking() {
            for ticket in &self.tickets {
                queue.done.insert(*ticket, Err(Fault::bug("a group commit does not panic")));
            }
        }
        self.committer.turn.notify_all();
    }
}

impl Queue {
    /// The oldest waiting jobs, at least one.
    fn gather(&mut self) -> Vec<Job> {
        let (mut bytes, mut count) = (0, 0);
        for job in &self.waiting {
            bytes += job.bytes;
            if count > 0 && bytes > GATHERED_BYTES {
                break;
            }
            count += 1;
        }
        self.waiting.drain(..count).collect()
    }
}

impl Log {
    /// Write the jobs as one frame and sync; the outcome of each.
    fn commit(&mut self, jobs: Vec<Job>, state: &RwLock<State>) -> Vec<(u64, Outcome<u64>)> {
        let mut outcomes = Vec::with_capacity(jobs.len());
        let mut accepted = Vec::with_capacity(jobs.len());
        let mut ids = HashSet::new();
        {
            let state = state.read().unwrap_or_else(PoisonError::into_inner);
            for job in jobs {
                match new_ids(&job.memories, &state, &ids) {
                    Ok(new) => {
                        ids.extend(new);
                        accepted.push(job);
                    }
                    Err(id) => outcomes.push((job.ticket, Err(already(id)))),
                }
            }
        }
        let memories: Vec<&Memory> = accepted.iter().flat_map(|job| &job.memories).collect();
        let written = if memories.is_empty() { Ok(()) } else { self.write(&memories) };
        let mut last = self.cursor.sequence - 1;
        if written.is_ok() {
            last -= memories.len() as u64;
        }
        let mut kept = Vec::with_capacity(memories.len());
        for job in accepted {
            let outcome = written.as_ref().map_err(Failure::fault).map(|()| {
                last += job.memories.len() as u64;
                kept.extend(job.memories);
                last
            });
            outcomes.push((job.ticket, outcome));
        }
        // The ids were looked at above, and only the leader adds.
        let _ = state.write().unwrap_or_else(PoisonError::into_inner).extend(kept);
        outcomes
    }

    fn write(&mut self, memories: &[&Memory]) -> Result<(), Failure> {
        if let Some(why) = &self.broken {
            return Err(Failure::Broken { path: self.path.clone(), why: why.clone() });
        }
        let Cursor { identity, width, schema, offset, sequence } = &self.cursor;
        let payload = columns::encode(memories, schema, *width).map_err(|fault| Failure::Bug(fault.to_string()))?;
        if payload.len() > LARGEST_PAYLOAD {
            return Err(Failure::Bug(format!("a payload of {} bytes passed the bound on appends", payload.len())));
        }
        let frame = frame::encode(*identity, *sequence, Kind::Memories, &payload);
        debug_assert_eq!(frame.len(), HEAD_BYTES + payload.len());
        if let Err(error) = self.medium.write(*offset, &frame) {
            return Err(self.undo(error, frame.len() as u64, false));
        }
        if let Err(error) = self.medium.sync() {
            return Err(self.undo(error, frame.len() as u64, true));
        }
        self.cursor.offset += frame.len() as u64;
        self.cursor.sequence += memories.len() as u64;
        // A mark that stays behind is still true: it is a lower bound.
        let _ = self.medium.mark(encode_mark(self.cursor.identity, self.cursor.offset));
        Ok(())
    }

    /// Take a frame back that did not reach the disk. After a failed sync the system may have forgotten which bytes are
    /// not on the disk, so the log is closed to writing (Rebello et al. 2020, "Can Applications Recover from fsync
    /// Failures?", USENIX ATC).
    fn undo(&mut self, error: io::Error, frame_bytes: u64, sync_failed: bool) -> Failure {
        let cut = self.medium.truncate(self.cursor.offset);
        if sync_failed {
            self.broken = Some(format!("a sync failed earlier ({error}); close the store and open it again"));
        } else if let Err(cut) = cut {
            self.broken = Some(format!("a torn frame could not be cut off ({cut}); close the store and open it again"));
        }
        Failure::Disk { path: self.path.clone(), kind: error.kind(), what: error.to_string(), frame_bytes }
    }
}

/// Why a frame was not written; can be told to everyone who waited for it.
enum Failure {
    Disk { path: PathBuf, kind: io::ErrorKind, what: String, frame_bytes: u64 },
    Broken { path: PathBuf, why: String },
    Bug(String),
}

impl Failure {
    fn fault(&self) -> Fault {
        use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
        match self {
            Self::Disk { path, kind: StorageFull | FileTooLarge | QuotaExceeded, what, frame_bytes } => {
                let what = format!("bytes of disk for {} ({what})", path.display());
                Fault::Exhausted { what, need: *frame_bytes, have: 0 }
            }
            Self::Disk { path, kind, what, .. } => Fault::io(path, io::Error::new(*kind, what.clone())),
            Self::Broken { path, why } => Fault::io(path, io::Error::other(why.clone())),
            Self::Bug(what) => Fault::bug(what.clone()),
        }
    }
}

/// The ids of a job if none of them is known, else the first that is.
fn new_ids(memories: &[Memory], state: &State, pending: &HashSet<u128>) -> Result<HashSet<u128>, u128> {
    let mut new = HashSet::with_capacity(memories.len());
    for Memory { id, .. } in memories {
        if state.holds(*id) || pending.contains(id) || !new.insert(*id) {
            return Err(*id);
        }
    }
    Ok(new)
}

fn already(id: u128) -> Fault {
    Fault::conflict(format!("a memory {id:032x} is already there"), "it was stored before: give a new memory a new id")
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::medium::{MARK_BYTES, decode_mark};
    use crate::recover;
    use std::collections::BTreeMap;
    use std::sync::Arc;

    /// A disk that loses power: before its `crash_at`-th call, after which nothing works.
    #[derive(Default)]
    struct Disk {
        durable: Vec<u8>,
        written: Vec<u8>,
        mark: Vec<u8>,
        calls: u64,
        crash_at: u64,
    }

    struct Simulated(Arc<Mutex<Disk>>);

    impl Simulated {
        fn call(&mut self, work: impl FnOnce(&mut Disk)) -> io::Result<()> {
            let mut disk = held(&self.0);
            disk.calls += 1;
            if disk.calls > disk.crash_at {
                return Err(io::Error::other("no power"));
            }
            work(&mut disk);
            Ok(())
        }
    }

    impl Medium for Simulated {
        fn write(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
            // The last call before the end may have been at its work.
            let mut disk = held(&self.0);
            disk.written.resize(offset as usize, 0);
            disk.written.extend_from_slice(bytes);
            drop(disk);
            self.call(|_| ())
        }
        fn sync(&mut self) -> io::Result<()> {
            self.call(|disk| disk.durable = disk.written.clone())
        }
        fn truncate(&mut self, length: u64) -> io::Result<()> {
            self.call(|disk| disk.written.truncate(length as usize))
        }
        fn mark(&mut self, mark: [u8; MARK_BYTES]) -> io::Result<()> {
            self.call(|disk| disk.mark = mark.to_vec())
        }
    }

    fn cursor() -> Cursor {
        Cursor { identity: 3, width: 2, schema: columns::schema(2, BTreeMap::new()), offset: 0, sequence: 1 }
    }

    fn memory(id: u128) -> Memory {
        Memory { id, text: "t".repeat(900), vector: vec![1.0, 2.0], created_unix_s: 0.0, source: "s".into() }
    }

    /// What the platter holds: all that was synced, and of the rest whichever sectors the disk got to, in any order.
    fn platter(disk: &Disk, mut seed: u64) -> Vec<u8> {
        let mut image = disk.durable.clone();
        image.resize(disk.written.len().max(image.len()), 0);
        for start in (disk.durable.len() / 512 * 512..disk.written.len()).step_by(512) {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let sector = start..(start + 512).min(disk.written.len());
            if seed >> 63 == 1 {
                image[sector.clone()].copy_from_slice(&disk.written[sector]);
            }
        }
        image
    }

    #[test]
    fn what_was_acknowledged_outlives_a_loss_of_power_before_any_call() {
        for (crash_at, seed) in (0..24).flat_map(|crash_at| (0..16).map(move |seed| (crash_at, seed))) {
            let disk = Arc::new(Mutex::new(Disk { crash_at, ..Disk::default() }));
            let committer = Committer::new("log".into(), Box::new(Simulated(disk.clone())), cursor());
            let state = RwLock::new(State::new(2));
            let acknowledged: Vec<u128> =
                (0..12).filter(|&id| committer.append(vec![memory(id)], &state).is_ok()).collect();
            let disk = held(&disk);
            let image = platter(&disk, seed * 977 + crash_at);
            let mark = decode_mark(&disk.mark).map_or(0, |mark| mark.1);
            let mut found = Vec::new();
            let keep = |memories| {
                found.extend(memories);
                Ok(())
            };
            recover::frames(&mut &image[..], &mut cursor(), mark, keep).unwrap();
            let ids: Vec<u128> = found.iter().map(|memory: &Memory| memory.id).collect();
            assert!(ids.starts_with(&acknowledged), "{acknowledged:?} became {ids:?} at {crash_at}");
            assert!(ids.len() <= acknowledged.len() + 1);
        }
    }

    #[test]
    fn after_a_failed_sync_nothing_is_written_any_more() {
        let disk = Arc::new(Mutex::new(Disk { crash_at: 4, ..Disk::default() }));
        let committer = Committer::new("log".into(), Box::new(Simulated(disk.clone())), cursor());
        let state = RwLock::new(State::new(2));
        assert_eq!(committer.append(vec![memory(1)], &state).unwrap(), 1);
        assert!(matches!(committer.append(vec![memory(2)], &state), Err(Fault::Io { .. })));
        held(&disk).crash_at = u64::MAX;
        let calls = held(&disk).calls;
        assert!(matches!(committer.append(vec![memory(3)], &state), Err(Fault::Io { .. })));
        assert_eq!((held(&disk).calls, state.read().unwrap().len()), (calls, 1));
    }
}
