//! The store: a folder opened to write or to read. Puts the parts together; each part's rules stand in its own file.
use crate::columns::{self, Header};
use crate::commit::Committer;
use crate::frame::{self, Kind};
use crate::lock::Lock;
use crate::medium::{Files, MARK_BYTES, decode_mark, encode_mark};
use crate::memory::{Memory, Space};
use crate::recover::{self, Cursor, Recovery, Stop};
use crate::state::State;
use foundation::{Fault, Outcome};
use std::fs::{self, DirBuilder, File};
use std::io::{BufReader, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard};

/// Tells the seconds since 1970-01-01 00:00 UTC; handed in so that tests can stand still.
pub type Clock = Arc<dyn Fn() -> f64 + Send + Sync>;

/// How to open a store.
#[derive(Clone)]
pub struct OpenOptions {
    /// To write, which takes the store's lock and makes the store if it is not there; or to read only.
    pub writer: bool,
    /// The space that the vectors must lie in. A new store needs it; an old one is compared with it if it is given.
    pub space: Option<Space>,
    /// Read once, when a store is made, for its identity.
    pub clock: Clock,
}

/// An open store. All calls may be made from many threads at once.
pub struct Store {
    folder: PathBuf,
    space: Space,
    state: RwLock<State>,
    recovery: Recovery,
    end: End,
}

enum End {
    Writer { committer: Committer, _lock: Lock },
    Reader { log: Mutex<(BufReader<File>, Cursor)> },
}

impl Store {
    /// Open the store in `folder`, reading its whole log.
    ///
    /// A writer cuts a torn tail off; a reader leaves it alone. Costs one read of the log; holds all memories in memory.
    /// Errors: `Conflict` when another writer has the store or when it is of another space; `NotFound` when there is
    /// no store to read, or no space given to make one; `Corrupt` for damage, which is never repaired; `Io`.
    pub fn open(folder: impl AsRef<Path>, options: &OpenOptions) -> Outcome<Self> {
        let folder = folder.as_ref();
        let path = folder.join("log");
        if let Some(space) = &options.space {
            space.check()?;
        }
        let lock = if options.writer { Some(begin(folder, &path, options)?) } else { None };
        if !path.exists() {
            return Err(Fault::not_found(format!("a store in {}", folder.display())));
        }
        // The mark is read before the log, so that it cannot be ahead of it.
        let mark = read_mark(&folder.join("mark"))?;
        let file =
            fs::OpenOptions::new().read(true).write(options.writer).open(&path).map_err(|e| Fault::io(&path, e))?;
        let mut log = BufReader::with_capacity(1 << 20, file);
        let told = |stop| told(&path, stop);
        let (header, header_bytes) = recover::header(&mut log).map_err(told)?;
        same_space(&header.space, options)?;
        let Header { space, identity } = header;
        let schema = columns::schema(space.width, Default::default());
        let mut cursor = Cursor { identity, width: space.width, schema, offset: header_bytes, sequence: 1 };
        let mut state = State::new(space.width);
        let acknowledged = mark.filter(|mark| mark.0 == identity).map(|mark| mark.1);
        let found = |memories| state.extend(memories).map_err(|id| format!("a second memory {id:032x}"));
        let (frames, torn) = recover::frames(&mut log, &mut cursor, acknowledged.unwrap_or(0), found).map_err(told)?;
        let recovery = Recovery {
            frames,
            memories: state.len() as u64,
            sound_bytes: cursor.offset,
            dropped_bytes: torn,
            marked: acknowledged.is_some(),
        };
        let end = match lock {
            Some(lock) => writer(folder, &path, log.into_inner(), cursor, lock)?,
            None => End::Reader { log: Mutex::new((log, cursor)) },
        };
        Ok(Self { folder: folder.to_path_buf(), space, state: RwLock::new(state), recovery, end })
    }

    /// Store memories, all of them or none; gives the number of the last one, counting from 1 over the whole store.
    ///
    /// Returns only once they are on the disk; threads that append at the same time share one sync. After an error of
    /// the disk the call is to be repeated with the same ids: a memory that was stored after all gives `Conflict`.
    /// Errors: `Shape`, `OutOfRange` for a bad memory; `Conflict` for an id that is there; `Exhausted` for a full disk
    /// or more than 128 MiB at once; `Io`; `Unsupported` for a reader.
    pub fn append(&self, memories: &[Memory]) -> Outcome<u64> {
        let End::Writer { committer, .. } = &self.end else {
            let (what, instead) = ("appending to a store opened to read only".into(), "open it as a writer".into());
            return Err(Fault::Unsupported { what, instead });
        };
        memories.iter().try_for_each(|memory| memory.check(self.space.width))?;
        if memories.is_empty() {
            return Ok(self.len() as u64);
        }
        committer.append(memories.to_vec(), &self.state)
    }

    /// Read what a writer has appended since; gives the number of new memories. A writer knows its own: 0.
    pub fn refresh(&self) -> Outcome<usize> {
        let End::Reader { log } = &self.end else { return Ok(0) };
        let path = self.folder.join("log");
        let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
        let (log, cursor) = &mut *log;
        log.seek(SeekFrom::Start(cursor.offset)).map_err(|e| Fault::io(&path, e))?;
        let mut new = Vec::new();
        let mut ahead = cursor.clone();
        recover::frames(log, &mut ahead, 0, |memories| {
            new.extend(memories);
            Ok(())
        })
        .map_err(|stop| told(&path, stop))?;
        let count = new.len();
        let extended = self.state.write().unwrap_or_else(PoisonError::into_inner).extend(new);
        extended.map_err(|id| Fault::corrupt(&path, cursor.offset, format!("a second memory {id:032x}")))?;
        *cursor = ahead;
        Ok(count)
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
        let state = self.state();
        let memory = state.row_of(id).and_then(|row| state.memory(row));
        memory.ok_or_else(|| Fault::not_found(format!("memory {id:032x}")))
    }

    /// The memory in a row of `vectors`; `NotFound` past the last.
    pub fn row(&self, row: usize) -> Outcome<Memory> {
        self.state().memory(row).ok_or_else(|| Fault::not_found(format!("row {row} of the store")))
    }

    /// All memories in the order they were stored, copied.
    pub fn read_all(&self) -> Vec<Memory> {
        let state = self.state();
        (0..state.len()).filter_map(|row| state.memory(row)).collect()
    }

    /// A snapshot of all vectors, [len, width] row by row, in the order they were stored. Shared, not copied; the next
    /// append copies them once if it is still held then.
    pub fn vectors(&self) -> Arc<Vec<f32>> {
        self.state().vectors()
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

/// Take the lock and see that there is a log, whole or not at all.
fn begin(folder: &Path, path: &Path, options: &OpenOptions) -> Outcome<Lock> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(|e| Fault::io(folder, e))?;
    let lock = Lock::take(&folder.join("lock"))?;
    if !path.exists() {
        let space = options.space.clone();
        let space = space.ok_or_else(|| Fault::not_found(format!("a store in {}", folder.display())))?;
        create(folder, path, space, (options.clock)())?;
    }
    Ok(lock)
}

fn create(folder: &Path, path: &Path, space: Space, now_unix_s: f64) -> Outcome<()> {
    // Two stores differ in when, by whom and where they were made; nothing secret hangs on it.
    let place = crc32c::crc32c(folder.as_os_str().as_encoded_bytes()) ^ std::process::id();
    let identity = now_unix_s.to_bits().rotate_left(32) ^ u64::from(place) << 16;
    let header = columns::encode_header(&Header { space, identity })?;
    let frame = frame::encode(0, 0, Kind::Header, &header);
    let new = folder.join("log.new");
    let written = private(&new, true).and_then(|mut file| file.write_all(&frame).and_then(|()| file.sync_all()));
    written.and_then(|()| fs::rename(&new, path)).map_err(|e| Fault::io(&new, e))?;
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(|e| Fault::io(folder, e))
}

fn private(path: &Path, empty: bool) -> std::io::Result<File> {
    fs::OpenOptions::new().read(true).write(true).create(true).truncate(empty).mode(0o600).open(path)
}

/// Make the log end with its last whole frame, on the disk, before anything is added to it.
fn writer(folder: &Path, path: &Path, log: File, cursor: Cursor, lock: Lock) -> Outcome<End> {
    log.set_len(cursor.offset).and_then(|()| log.sync_data()).map_err(|e| Fault::io(path, e))?;
    let at = folder.join("mark");
    let mark = private(&at, false).map_err(|e| Fault::io(&at, e))?;
    mark.write_all_at(&encode_mark(cursor.identity, cursor.offset), 0).map_err(|e| Fault::io(&at, e))?;
    let committer = Committer::new(path.to_path_buf(), Box::new(Files { log, mark }), cursor);
    Ok(End::Writer { committer, _lock: lock })
}

fn read_mark(path: &Path) -> Outcome<Option<(u64, u64)>> {
    let mut bytes = Vec::new();
    match File::open(path) {
        Ok(file) => file.take(MARK_BYTES as u64).read_to_end(&mut bytes).map_err(|e| Fault::io(path, e))?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Fault::io(path, error)),
    };
    Ok(decode_mark(&bytes))
}

fn same_space(found: &Space, options: &OpenOptions) -> Outcome<()> {
    match &options.space {
        Some(space) if space != found => {
            let Space { embedder, width } = found;
            let what = format!(
                "the store holds vectors of {embedder:?}, {width} wide, not of {:?}, {} wide",
                space.embedder, space.width
            );
            Err(Fault::conflict(what, "open it with its own embedder, or make a new store and embed the texts again"))
        }
        _ => Ok(()),
    }
}

fn told(path: &Path, stop: Stop) -> Fault {
    match stop {
        Stop::Io(error) => Fault::io(path, error),
        Stop::Corrupt(offset, why) => Fault::corrupt(path, offset, why),
    }
}
