//! Group commit: whoever comes first writes for all who wait, in one frame and with one sync. Reads no log.
use crate::change::{self, Change};
use crate::frame::{self, HEAD_BYTES, Kind, LARGEST_PAYLOAD};
use crate::keyed::Ids;
use crate::medium::{Medium, encode_mark};
use crate::numbers::Means;
use crate::plan::Sizes;
use crate::recover::Cursor;
use crate::segment::Entry;
use crate::snapshot::absent;
use crate::state::State;
use foundation::{Fault, Outcome};
use std::collections::{HashMap, VecDeque};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock};

/// No more than this is gathered into one frame, unless one call alone brings more.
pub(crate) const GATHERED_BYTES: usize = 32 << 20;
/// As many bytes in small frames are worth a segment.
const LOOSE_BYTES: u64 = 8 << 20;
/// The most that one call may bring; leaves room for Arrow's own bytes.
pub(crate) const LARGEST_CHANGE: usize = LARGEST_PAYLOAD / 2;

/// The writing end of a store.
pub(crate) struct Committer {
    queue: Mutex<Queue>,
    turn: Condvar,
    pub(crate) log: Mutex<Log>,
    /// Held by the one who makes a new log.
    pub(crate) rewriting: Mutex<()>,
    pub(crate) sizes: Sizes,
    /// As the log's cursor says, without waiting for who writes.
    loose_bytes: Arc<AtomicU64>,
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
    change: Change,
    bytes: usize,
}

/// The log, open at its end.
pub(crate) struct Log {
    pub(crate) path: PathBuf,
    pub(crate) medium: Box<dyn Medium>,
    pub(crate) cursor: Cursor,
    /// Set when the disk's state is no longer known; nothing is written after that.
    pub(crate) broken: Option<String>,
    /// Makes large memory ready, and maps what was written.
    pub(crate) means: Means,
    /// The segments that the log's header names.
    pub(crate) segments: Vec<Entry>,
    /// Names of segments that are no longer part of the store and may still be there.
    pub(crate) doomed: Vec<String>,
    loose_bytes: Arc<AtomicU64>,
}

impl Committer {
    /// A committer that goes on at the cursor, which is the end of the log.
    pub(crate) fn new(path: PathBuf, medium: Box<dyn Medium>, cursor: Cursor, segments: Vec<Entry>) -> Self {
        let loose_bytes = Arc::new(AtomicU64::new(cursor.loose_bytes));
        let doomed = Vec::new();
        let (broken, means, loose) = (None, Means::default(), loose_bytes.clone());
        let log = Log { path, medium, cursor, broken, means, segments, doomed, loose_bytes: loose };
        let (queue, turn, rewriting) = Default::default();
        Self { queue, turn, log: Mutex::new(log), rewriting, sizes: Sizes::default(), loose_bytes }
    }

    /// Whether so much lies in small frames of the log that opening it is slow; says so once, until it grows again.
    pub(crate) fn loose(&self) -> bool {
        self.loose_bytes.load(Relaxed) >= LOOSE_BYTES && self.loose_bytes.swap(0, Relaxed) >= LOOSE_BYTES
    }

    /// Put a change on the disk and then into `state`; gives the last number that it took. All of it or nothing.
    ///
    /// Returns only once a sync that began after the bytes were written has come back. Callers that wait at the same
    /// time with changes of one kind share one sync. Memories are checked before.
    /// Errors: `Conflict` for an id that is to be stored and is there; `NotFound` for one that is to be forgotten and is
    /// not; `Exhausted`; `Io`.
    pub(crate) fn commit(&self, change: Change, state: &RwLock<State>) -> Outcome<u64> {
        let bytes = change.size_bytes();
        bounded(bytes)?;
        let mut queue = held(&self.queue);
        let ticket = queue.next_ticket;
        queue.next_ticket += 1;
        queue.waiting.push_back(Job { ticket, change, bytes });
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
    /// The oldest waiting job and those of its kind; the others go on waiting. A frame is of one kind, and no frame is
    /// begun before the one before it is on the disk, so two kinds cannot share a sync. Those who wait at the same time
    /// have no order among each other, so passing some over breaks none.
    fn gather(&mut self) -> Vec<Job> {
        let Some(kind) = self.waiting.front().map(|job| job.change.kind()) else { return Vec::new() };
        let (mut bytes, mut jobs, mut later) = (0, Vec::new(), VecDeque::new());
        for job in self.waiting.drain(..) {
            let fits = jobs.is_empty() || bytes + job.bytes <= GATHERED_BYTES;
            if job.change.kind() == kind && fits {
                bytes += job.bytes;
                jobs.push(job);
            } else {
                later.push_back(job);
            }
        }
        self.waiting = later;
        jobs
    }
}

impl Log {
    /// Write the jobs, all of one kind, as one frame and sync; the outcome of each.
    fn commit(&mut self, jobs: Vec<Job>, state: &RwLock<State>) -> Vec<(u64, Outcome<u64>)> {
        let (accepted, mut outcomes) = sift(jobs, &state.read().unwrap_or_else(PoisonError::into_inner));
        let changes: Vec<&Change> = accepted.iter().map(|job| &job.change).collect();
        let mut last = self.cursor.sequence - 1;
        let written = if changes.is_empty() { Ok(()) } else { self.write(&changes) };
        if let Err(failure) = written {
            outcomes.extend(accepted.iter().map(|job| (job.ticket, Err(failure.fault()))));
            return outcomes;
        }
        let mut state = state.write().unwrap_or_else(PoisonError::into_inner);
        for Job { ticket, change, .. } in accepted {
            last += change.count();
            // The ids were looked at above, and only the leader changes the state.
            let _ = state.apply(change);
            outcomes.push((ticket, Ok(last)));
        }
        outcomes
    }

    /// `Broken` when the log is closed to writing.
    pub(crate) fn sound(&self) -> Result<(), Failure> {
        let broken = |why: &String| Failure::Broken { path: self.path.clone(), why: why.clone() };
        self.broken.as_ref().map_or(Ok(()), |why| Err(broken(why)))
    }

    fn write(&mut self, changes: &[&Change]) -> Result<(), Failure> {
        self.sound()?;
        let Cursor { identity, width, offset, sequence, .. } = &self.cursor;
        let kind = changes.first().map_or(Kind::Memories, |change| change.kind());
        let payload = change::encode(changes, *width);
        if payload.len() > LARGEST_PAYLOAD {
            return Err(Failure::Bug(format!("a payload of {} bytes passed the bound on changes", payload.len())));
        }
        let frame = frame::encode(*identity, *sequence, kind, &payload);
        debug_assert_eq!(frame.len(), HEAD_BYTES + payload.len());
        if let Err(error) = self.medium.write(*offset, &frame) {
            return Err(self.undo(error, frame.len() as u64, false));
        }
        self.settle(frame.len() as u64, changes.iter().map(|change| change.count()).sum())
    }

    /// Wait until a frame that was written at the cursor is on the disk, and move the cursor past it.
    pub(crate) fn settle(&mut self, frame_bytes: u64, changes: u64) -> Result<(), Failure> {
        if let Err(error) = self.medium.sync() {
            return Err(self.undo(error, frame_bytes, true));
        }
        self.cursor.pass(frame_bytes);
        self.cursor.sequence += changes;
        self.note_loose_bytes();
        // A mark that stays behind is still true: it is a lower bound.
        let _ = self.medium.mark(encode_mark(self.cursor.identity, self.cursor.offset));
        Ok(())
    }

    pub(crate) fn note_loose_bytes(&self) {
        self.loose_bytes.store(self.cursor.loose_bytes, Relaxed);
    }

    /// Take a frame back that did not reach the disk. After a failed sync the system may have forgotten which bytes are
    /// not on the disk, so the log is closed to writing (Rebello et al. 2020, "Can Applications Recover from fsync
    /// Failures?", USENIX ATC).
    pub(crate) fn undo(&mut self, error: io::Error, frame_bytes: u64, sync_failed: bool) -> Failure {
        let cut = self.medium.truncate(self.cursor.offset);
        if sync_failed {
            self.broken = Some(format!("a sync failed earlier ({error}); close the store and open it again"));
        } else if let Err(cut) = cut {
            self.broken = Some(format!("a torn frame could not be cut off ({cut}); close the store and open it again"));
        }
        Failure::disk(&self.path, &error, frame_bytes)
    }
}

/// Why a frame was not written; can be told to everyone who waited for it.
pub(crate) enum Failure {
    Disk { path: PathBuf, kind: io::ErrorKind, what: String, frame_bytes: u64 },
    Broken { path: PathBuf, why: String },
    Bug(String),
}

impl Failure {
    pub(crate) fn disk(path: &Path, error: &io::Error, frame_bytes: u64) -> Self {
        Self::Disk { path: path.to_path_buf(), kind: error.kind(), what: error.to_string(), frame_bytes }
    }

    pub(crate) fn fault(&self) -> Fault {
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

/// The jobs that can be done, in their order, and the outcomes of those that cannot.
fn sift(jobs: Vec<Job>, state: &State) -> (Vec<Job>, Vec<(u64, Outcome<u64>)>) {
    let (mut accepted, mut refused) = (Vec::with_capacity(jobs.len()), Vec::new());
    let mut taken = Ids::default();
    for job in jobs {
        match possible(&job.change, state, &mut taken) {
            Ok(()) => accepted.push(job),
            Err(fault) => refused.push((job.ticket, Err(fault))),
        }
    }
    (accepted, refused)
}

/// Whether a change can be made after those that have `taken` ids; then it takes its own.
fn possible(change: &Change, state: &State, taken: &mut Ids) -> Outcome<()> {
    let storing = matches!(change, Change::Store(_));
    let ids = change.ids();
    let bad = ids.iter().position(|id| state.holds(*id) == storing || !taken.insert(*id));
    let Some(bad) = bad else { return Ok(()) };
    // What was taken for nothing is given back.
    for id in &ids[..bad] {
        taken.remove(id);
    }
    if storing { Err(already(ids[bad])) } else { Err(absent(ids[bad])) }
}

/// Refuses the ids of memories to be stored if one is there or comes twice.
pub(crate) fn all_new(ids: &[u128], state: &State) -> Outcome<()> {
    let mut own = Ids::with_capacity_and_hasher(ids.len(), Default::default());
    let bad = ids.iter().find(|id| state.holds(**id) || !own.insert(**id));
    bad.map_or(Ok(()), |id| Err(already(*id)))
}

/// Refuses a change of too many bytes.
pub(crate) fn bounded(bytes: usize) -> Outcome<()> {
    if bytes <= LARGEST_CHANGE {
        return Ok(());
    }
    let (what, need, have) = ("one change in bytes".into(), bytes as u64, LARGEST_CHANGE as u64);
    Err(Fault::Exhausted { what, need, have })
}

pub(crate) fn already(id: u128) -> Fault {
    Fault::conflict(format!("a memory {id:032x} is already there"), "it was stored before: give a new memory a new id")
}

pub(crate) fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
