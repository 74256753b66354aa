//! The store: a folder opened to write or to read. Puts the parts together; each part's rules stand in its own file.
use crate::bulk::{BULK_BYTES, Given};
use crate::change::Change;
use crate::chunk::{Chunk, Rows, not_finite};
use crate::commit::{Committer, LARGEST_CHANGE, bounded};
use crate::compact::Wish;
use crate::exchange;
use crate::keyed::Ids;
use crate::lock::Lock;
use crate::medium::LOG;
use crate::memory::{Columns, Memory, Space};
use crate::numbers::{Mapper, Means, Prepare};
use crate::open::{self, Loaded, OpenOptions};
use crate::parquet;
use crate::read::{self, Window};
use crate::recover::{self, Changes, Cursor, Recovery};
use crate::snapshot::Snapshot;
use crate::state::State;
use foundation::{Fault, Outcome};
use std::collections::HashSet;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard};

/// When what was forgotten leaves the files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compact {
    /// Before the call returns.
    Now,
    /// With the next compaction: one that is asked for, or the one that a `forget` makes by itself once the bytes of
    /// forgotten memories are at least as many as those of the memories that are there, and at least 64 KiB.
    Later,
}

/// A file that memories are exported to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// An Arrow IPC stream: the quickest, and the vectors as they are.
    Arrow,
    /// Parquet.
    Parquet,
}

/// Fewer dead bytes than these are not worth a new log.
const FEWEST_DEAD_BYTES: u64 = 64 << 10;

/// An open store. All calls may be made from many threads at once.
pub struct Store {
    folder: PathBuf,
    options: OpenOptions,
    means: Means,
    space: Space,
    state: RwLock<State>,
    recovery: Recovery,
    end: End,
}

enum End {
    Writer { committer: Box<Committer>, _lock: Lock },
    Reader { log: Mutex<(File, Cursor)> },
}

impl Store {
    /// Open the store in `folder`, reading all of it.
    ///
    /// Every byte of the segments and of the log is held against its checksum before this returns. A writer cuts a torn
    /// tail off; a reader leaves it alone. Costs one read of the files by several threads; holds all memories in memory.
    /// Errors: `Conflict` when another writer has the store or when it is of another space; `NotFound` when there is
    /// no store to read, or no space given to make one; `Corrupt` for damage, which is never repaired; `Io`.
    pub fn open(folder: impl AsRef<Path>, options: &OpenOptions) -> Outcome<Self> {
        Self::open_by(folder.as_ref(), options, Means::default())
    }

    /// As `open`, with memory for vectors made ready by `prepare` each time that much of it is needed.
    pub fn open_prepared(folder: impl AsRef<Path>, options: &OpenOptions, prepare: Prepare) -> Outcome<Self> {
        Self::open_by(folder.as_ref(), options, Means { prepare, map: None })
    }

    /// As `open_prepared`, with segments and large frames of the log used where they lie, mapped by `map`.
    ///
    /// Their bytes are held against their checksums all the same before this returns, and what is appended in bulk is
    /// not copied into memory: pages of vectors are the system's to drop and to read again. A disk that fails to give
    /// them back later ends the process (SIGBUS); what was acknowledged is not touched by that.
    pub fn open_mapped(
        folder: impl AsRef<Path>,
        options: &OpenOptions,
        prepare: Prepare,
        map: Mapper,
    ) -> Outcome<Self> {
        Self::open_by(folder.as_ref(), options, Means { prepare, map: Some(map) })
    }

    fn open_by(folder: &Path, options: &OpenOptions, means: Means) -> Outcome<Self> {
        if let Some(space) = &options.space {
            space.check()?;
        }
        let lock = if options.writer { Some(open::begin(folder, options)?) } else { None };
        let Loaded { log, space, cursor, segments, state, recovery, settled } = open::load(folder, options, means)?;
        let end = match lock {
            Some(lock) => {
                let mut committer = open::writer(folder, log, cursor, segments, settled)?;
                committer.log.get_mut().unwrap_or_else(PoisonError::into_inner).means = means;
                End::Writer { committer: Box::new(committer), _lock: lock }
            }
            None => End::Reader { log: Mutex::new((log, cursor)) },
        };
        let (folder, options) = (folder.to_path_buf(), options.clone());
        Ok(Self { folder, options, means, space, state: RwLock::new(state), recovery, end })
    }

    /// Store memories, all of them or none; gives the number of the last one.
    ///
    /// Numbers count from 1 over the store's life, one to each memory stored and one to each forgotten, and none is given
    /// twice. Returns only once the memories are on the disk; threads that append at the same time share one sync. After
    /// an error of the disk the call is to be repeated with the same ids: a memory that was stored after all gives
    /// `Conflict`.
    /// Errors: `Shape`, `OutOfRange` for a bad memory; `Conflict` for an id that is there; `Exhausted` for a full disk
    /// or more than 128 MiB at once; `Io`; `Unsupported` for a reader.
    pub fn append(&self, memories: &[Memory]) -> Outcome<u64> {
        let committer = self.committer("appending to a store opened to read only")?;
        memories.iter().try_for_each(|memory| memory.check(self.space.width))?;
        if memories.is_empty() {
            return Ok(self.state().number());
        }
        let bytes: usize = memories.iter().map(Memory::size_bytes).sum();
        bounded(bytes)?;
        if bytes >= BULK_BYTES {
            return committer.commit_bulk(Chunk::of_memories(memories), Given::Apart(memories), &self.state);
        }
        let last = committer.commit(Change::Store(Rows::of_memories(memories)), &self.state)?;
        self.tidy(committer);
        Ok(last)
    }

    /// Store memories given as columns, all of them or none; gives the number of the last one. The quick way in: their
    /// vectors are copied once, into memory, and written from there while they are being copied.
    ///
    /// Otherwise and in its errors as `append`, and `Shape` for columns of unequal lengths.
    pub fn append_columns(&self, columns: &Columns<'_>) -> Outcome<u64> {
        let committer = self.committer("appending to a store opened to read only")?;
        let chunk = Chunk::of_columns(columns, self.space.width)?;
        if chunk.len() == 0 {
            return Ok(self.state().number());
        }
        let bytes = columns.size_bytes();
        bounded(bytes)?;
        if bytes >= BULK_BYTES {
            return committer.commit_bulk(chunk, Given::Joined(columns.vectors), &self.state);
        }
        if let Some(place) = read::not_finite(columns.vectors) {
            let width = self.space.width;
            return Err(not_finite(chunk.ids[place / width], place % width, columns.vectors[place]));
        }
        let rows = Rows { chunk, vectors: columns.vectors.to_vec().into() };
        let last = committer.commit(Change::Store(rows), &self.state)?;
        self.tidy(committer);
        Ok(last)
    }

    /// Put what came in small pieces together once it is much, so that the store stays quick to open. In the thread of
    /// the one call that finds it due, while others go on.
    fn tidy(&self, committer: &Committer) {
        if committer.loose() {
            // Nobody waits for it; should it fail, it is due again after the next append.
            let _ = self.rewrite(Vec::new(), true);
        }
    }

    /// Forget memories, all of them or none; gives how many there were. An id given twice is forgotten once; it may be
    /// stored anew afterwards.
    ///
    /// Returns only once it is on the disk that they are forgotten. Their bytes leave the store's files when it is
    /// compacted; with `Compact::Now` that is before the call returns. A compaction takes place in the calling thread
    /// while others go on. When one that was asked for fails, the call fails, but the memories stay forgotten, and
    /// `compact` is to be called again; one that was not asked for is tried again by the next `forget`.
    /// Errors: `NotFound` for an id that is not there; those of `compact`.
    pub fn forget(&self, ids: &[u128], compact: Compact) -> Outcome<u64> {
        let committer = self.committer("forgetting in a store opened to read only")?;
        let mut named = HashSet::with_capacity(ids.len());
        let ids: Vec<u128> = ids.iter().copied().filter(|id| named.insert(*id)).collect();
        let count = ids.len() as u64;
        if count > 0 {
            committer.commit(Change::Forget(ids), &self.state)?;
        }
        if compact == Compact::Now {
            self.compact()?;
        } else if self.overdue() {
            // Nobody waits for it, and the next one is due as long as it fails.
            let _ = self.compact();
        }
        Ok(count)
    }

    /// Write anew what holds anything forgotten, and the log, and put it in the old files' place; gives by how many bytes
    /// they shrank.
    ///
    /// What was forgotten before the call is in no file of the folder afterwards; a file system may keep the blocks of
    /// old files until it needs them, and readers that have them open keep them until they refresh. Snapshots, and
    /// readers in this and other processes, go on. Others append and forget meanwhile, but for the last part, which is
    /// as long as what they did. A log of 4 MiB and more becomes segments of about 64 MiB; segments that nothing was
    /// forgotten of stay, unless they are small. Costs one write of the rest, and as much more on the disk for so long.
    /// Errors: `Exhausted`, `Io` with the store as it was, or closed to writing if the folder could not be synced, or
    /// done but for old segments that could not be removed, which the next call removes; `Corrupt` when the log does not
    /// read back; `Unsupported` for a reader.
    pub fn compact(&self) -> Outcome<u64> {
        self.rewrite(Vec::new(), false)
    }

    /// As `compact`, with nothing left in the log however little it is.
    pub fn seal(&self) -> Outcome<u64> {
        self.rewrite(Vec::new(), true)
    }

    /// Write all memories to a new file as an Arrow IPC stream, which any Arrow tool reads; gives how many there are.
    ///
    /// Columns: id (16 bytes, big-endian), text, vector, created_unix_s, source; the embedder's name is in the schema's
    /// metadata. Costs one write of everything.
    /// Errors: `Conflict` when there is a file of that name; `Io`, with no file left behind.
    pub fn export(&self, path: impl AsRef<Path>) -> Outcome<u64> {
        self.export_as(path, Format::Arrow)
    }

    /// As `export`, in a format of choice. In Parquet a vector is a list of floats, and the embedder's name is in the
    /// file's key-value metadata.
    pub fn export_as(&self, path: impl AsRef<Path>, format: Format) -> Outcome<u64> {
        let held = self.snapshot();
        match format {
            Format::Arrow => exchange::write(path.as_ref(), &held, &self.space)?,
            Format::Parquet => parquet::write(path.as_ref(), &held, &self.space)?,
        }
        Ok(held.len() as u64)
    }

    /// Store the memories of a file that `export` or another tool wrote with the same columns, without nulls: an Arrow
    /// IPC stream, uncompressed, or Parquet; gives how many they are. All of them are stored, or none.
    ///
    /// Returns only once they are on the disk. More than 128 MiB of them make a new log, as `compact` does; writers wait
    /// while they are written.
    /// Errors: `Corrupt` with the byte for a file that is anything else; `Conflict` for an id that is there or is in the
    /// file twice, and for vectors of another embedder; those of `append` and `compact`.
    pub fn import(&self, path: impl AsRef<Path>) -> Outcome<u64> {
        let committer = self.committer("importing into a store opened to read only")?;
        let batches = match parquet::is_one(path.as_ref())? {
            true => parquet::read(path.as_ref(), &self.space)?,
            false => exchange::read(path.as_ref(), &self.space)?,
        };
        self.take_all(committer, path.as_ref(), batches)
    }

    fn take_all(&self, committer: &Committer, path: &Path, batches: Vec<Rows>) -> Outcome<u64> {
        let count = batches.iter().map(|rows| rows.chunk.len()).sum();
        let mut ids = Ids::with_capacity_and_hasher(count, Default::default());
        if let Some(twice) = batches.iter().flat_map(|rows| &rows.chunk.ids).find(|id| !ids.insert(**id)) {
            let what = format!("{} holds the memory {twice:032x} twice", path.display());
            return Err(Fault::conflict(what, "leave one of them out"));
        }
        let bytes: usize = batches.iter().map(Rows::size_bytes).sum();
        if bytes > LARGEST_CHANGE {
            self.rewrite(batches, true)?;
        } else if count > 0 {
            let mut all = Rows::default();
            batches.iter().for_each(|rows| all.extend(rows));
            committer.commit(Change::Store(all), &self.state)?;
        }
        Ok(count as u64)
    }

    fn rewrite(&self, added: Vec<Rows>, seal: bool) -> Outcome<u64> {
        let committer = self.committer("rewriting a store opened to read only")?;
        let drawn = (self.options.clock)().to_bits();
        committer.rewrite(Wish { space: &self.space, drawn, added, seal }, &self.state)
    }

    fn overdue(&self) -> bool {
        let (live, dead) = self.state().live_and_dead_bytes();
        dead >= live.max(FEWEST_DEAD_BYTES)
    }

    fn committer(&self, what: &str) -> Outcome<&Committer> {
        match &self.end {
            End::Writer { committer, .. } => Ok(committer),
            End::Reader { .. } => Err(Fault::Unsupported { what: what.into(), instead: "open it as a writer".into() }),
        }
    }

    /// Read what a writer has done since; gives the number of new memories. A writer knows its own: 0.
    ///
    /// Costs a read of what is new, or of the whole log once the writer has compacted it.
    pub fn refresh(&self) -> Outcome<usize> {
        let End::Reader { log } = &self.end else { return Ok(0) };
        let path = self.folder.join(LOG);
        let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
        let (log, cursor) = &mut *log;
        if open::replaced(&path, log).map_err(|e| Fault::io(&path, e))? {
            return self.reload(log, cursor);
        }
        let length = log.metadata().map_err(|e| Fault::io(&path, e))?.len();
        let mut changes = Changes::default();
        let mut ahead = cursor.clone();
        recover::frames(&mut Window::new(&*log, length), &mut ahead, 0, &mut changes)
            .map_err(|stop| open::told(&path, stop))?;
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        let mut new = HashSet::new();
        for change in changes.all {
            match &change {
                Change::Store(rows) => new.extend(rows.chunk.ids.iter().copied()),
                Change::Forget(ids) => ids.iter().for_each(|id| {
                    new.remove(id);
                }),
            }
            state.apply(change).map_err(|id| Fault::corrupt(&path, cursor.offset, recover::odd(id)))?;
        }
        *cursor = ahead;
        Ok(new.len())
    }

    /// Take up the log that has come in the place of the one that was read.
    fn reload(&self, log: &mut File, cursor: &mut Cursor) -> Outcome<usize> {
        let loaded = open::load(
            &self.folder,
            &OpenOptions { space: Some(self.space.clone()), ..self.options.clone() },
            self.means,
        )?;
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        let new = loaded.state.ids().filter(|id| !state.holds(*id)).count();
        *state = loaded.state;
        (*log, *cursor) = (loaded.log, loaded.cursor);
        Ok(new)
    }

    /// How many memories there are.
    pub fn len(&self) -> usize {
        self.state().len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The memory with that id; `NotFound` when there is none.
    pub fn get(&self, id: u128) -> Outcome<Memory> {
        self.state().get(id)
    }

    /// The memory in a row of `vectors`; `NotFound` past the last. Rows move up when an earlier memory is forgotten:
    /// whoever forgets meanwhile takes vectors and rows from one `snapshot`.
    pub fn row(&self, row: usize) -> Outcome<Memory> {
        self.snapshot().row(row)
    }

    /// All memories in the order they were stored, copied.
    pub fn read_all(&self) -> Vec<Memory> {
        self.snapshot().memories().collect()
    }

    /// A snapshot of all vectors, [len, width] row by row, in the order they were stored. Shared; copied together when
    /// first asked for, and after that what is new. `Snapshot::blocks` gives them where they lie.
    pub fn vectors(&self) -> Arc<Vec<f32>> {
        self.snapshot().vectors()
    }

    /// All memories as they are now. Costs a copy of the vectors that are new since the last one, and a pass over all
    /// rows if something was forgotten since.
    pub fn snapshot(&self) -> Snapshot {
        if let Some(held) = self.state().whole() {
            return held.clone();
        }
        self.state.write().unwrap_or_else(PoisonError::into_inner).settle().clone()
    }

    /// The space that the vectors lie in.
    pub fn space(&self) -> &Space {
        &self.space
    }

    /// What opening the store found.
    pub fn recovery(&self) -> Recovery {
        self.recovery
    }

    fn state(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }
}
