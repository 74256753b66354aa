//! Opens a store's folder: makes it, locks it, reads its segments and its log, cuts a torn tail. Answers no questions on
//! memories. Every byte that is read is held against its checksum before the store is there to be asked.
use crate::columns::{self, Header};
use crate::commit::Committer;
use crate::frame::{self, Kind};
use crate::lock::Lock;
use crate::medium::{DRAFT, Files, LOG, MARK_BYTES, decode_mark, encode_mark, private, sync_folder};
use crate::memory::Space;
use crate::numbers::Means;
use crate::read::Window;
use crate::recover::{self, Cursor, Recovery, Stop};
use crate::segment::{self, Entry};
use crate::state::State;
use foundation::{Fault, Outcome};
use std::fs::{self, DirBuilder, File};
use std::io::{ErrorKind, Read as _, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt, MetadataExt};
use std::path::Path;
use std::sync::Arc;

/// Tells the seconds since 1970-01-01 00:00 UTC; handed in so that tests can stand still.
pub type Clock = Arc<dyn Fn() -> f64 + Send + Sync>;

/// How to open a store.
#[derive(Clone)]
pub struct OpenOptions {
    /// To write, which takes the store's lock and makes the store if it is not there; or to read only.
    pub writer: bool,
    /// The space that the vectors must lie in. A new store needs it; an old one is compared with it if it is given.
    pub space: Option<Space>,
    /// Read once for each log that is made, when the store is and when it is compacted, to tell logs apart.
    pub clock: Clock,
}

/// Segments and a log that were read to their end.
pub(crate) struct Loaded {
    pub(crate) log: File,
    pub(crate) space: Space,
    pub(crate) cursor: Cursor,
    pub(crate) segments: Vec<Entry>,
    pub(crate) state: State,
    pub(crate) recovery: Recovery,
    /// The mark says that all of the log was acknowledged, so all of it is on the disk, and so are the folder's names.
    pub(crate) settled: bool,
}

/// Read the store in `folder`; changes nothing.
pub(crate) fn load(folder: &Path, options: &OpenOptions, means: Means) -> Outcome<Loaded> {
    let path = folder.join(LOG);
    loop {
        // The mark is read before the log, so that it cannot be ahead of it.
        let mark = read_mark(&folder.join("mark"))?;
        let file = fs::OpenOptions::new().read(true).write(options.writer).open(&path);
        let file = file.map_err(|error| match error.kind() {
            ErrorKind::NotFound => Fault::not_found(format!("a store in {}", folder.display())),
            _ => Fault::io(&path, error),
        })?;
        let read = read_files(folder, &path, &file, (mark, means), options);
        // A writer may have put another log and other segments there meanwhile, and taken away those that it names.
        if read.is_err() && !options.writer && replaced(&path, &file).map_err(|error| Fault::io(&path, error))? {
            continue;
        }
        let (space, cursor, segments, state, recovery) = read?;
        let settled = recovery.dropped_bytes == 0 && mark == Some((cursor.identity, cursor.offset));
        return Ok(Loaded { log: file, space, cursor, segments, state, recovery, settled });
    }
}

/// Room for more rows of a log than these is made when they come.
const MANY_ROWS: u64 = 1 << 20;

type Read = (Space, Cursor, Vec<Entry>, State, Recovery);

fn read_files(
    folder: &Path,
    path: &Path,
    file: &File,
    (mark, means): (Option<(u64, u64)>, Means),
    options: &OpenOptions,
) -> Outcome<Read> {
    let told = |stop| told(path, stop);
    let length = file.metadata().map_err(|error| Fault::io(path, error))?.len();
    let mut log = Window::new(file, length);
    let (header, header_bytes) = recover::header(&mut log).map_err(told)?;
    same_space(&header.space, options)?;
    let Header { space, identity, first_number, sealed_bytes, segments } = header;
    let mut state = State::with(space.width, first_number - 1, means);
    // No more rows than the files have room for, whatever the header says.
    let row_bytes = 4 * space.width as u64 + 24;
    let bytes = |entry: &Entry| fs::metadata(folder.join(entry.name())).map_or(0, |found| found.len());
    let rows = |entry: &Entry| entry.rows.min(bytes(entry) / row_bytes);
    state.expect(segments.iter().map(rows).sum::<u64>() + (length / row_bytes).min(MANY_ROWS));
    for entry in &segments {
        read_segment(folder, entry, &space, means, &mut state)?;
    }
    let offset = header_bytes;
    let mut cursor = Cursor { identity, width: space.width, offset, sequence: first_number, loose_bytes: 0 };
    let marked = mark.filter(|mark| mark.0 == identity).map(|mark| mark.1);
    let acknowledged = marked.unwrap_or(0).max(sealed_bytes);
    // What was not acknowledged may be cut off by a writer, and is not mapped.
    log.settled = acknowledged;
    log.means = means;
    let (frames, torn) = recover::frames(&mut log, &mut cursor, acknowledged, &mut state).map_err(told)?;
    let recovery = Recovery {
        segments: segments.len() as u64,
        frames,
        memories: state.len() as u64,
        forgotten: state.forgotten(),
        sound_bytes: cursor.offset,
        dropped_bytes: torn,
        marked: marked.is_some(),
    };
    Ok((space, cursor, segments, state, recovery))
}

fn read_segment(folder: &Path, entry: &Entry, space: &Space, means: Means, state: &mut State) -> Outcome<()> {
    let path = &folder.join(entry.name());
    let file = File::open(path).map_err(|error| match error.kind() {
        ErrorKind::NotFound => Fault::corrupt(path, 0, "a segment that the log names is not there"),
        _ => Fault::io(path, error),
    })?;
    let length = file.metadata().map_err(|error| Fault::io(path, error))?.len();
    let mut window = Window::new(&file, length);
    (window.means, window.settled) = (means, u64::MAX);
    let rows = segment::read(&mut window, entry, space).map_err(|damage| damage.fault(path))?;
    state.take(rows, Some(entry.clone())).map_err(|id| Fault::corrupt(path, 0, recover::odd(id)))
}

/// Whether another log lies in the place of the open one.
pub(crate) fn replaced(path: &Path, open: &File) -> std::io::Result<bool> {
    let (there, open) = (fs::metadata(path)?, open.metadata()?);
    Ok((there.dev(), there.ino()) != (open.dev(), open.ino()))
}

/// Take the lock and see that there is a log, whole or not at all.
pub(crate) fn begin(folder: &Path, options: &OpenOptions) -> Outcome<Lock> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(|e| Fault::io(folder, e))?;
    let lock = Lock::take(&folder.join("lock"))?;
    remove_draft(&folder.join(DRAFT))?;
    let path = &folder.join(LOG);
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
    let header =
        columns::encode_header(&Header { space, identity, first_number: 1, sealed_bytes: 0, segments: vec![] })?;
    let frame = frame::encode(0, 0, Kind::Header, &header);
    let new = folder.join(DRAFT);
    let written = private(&new, true).and_then(|mut file| file.write_all(&frame).and_then(|()| file.sync_all()));
    written.and_then(|()| fs::rename(&new, path)).map_err(|e| Fault::io(&new, e))?;
    sync_folder(folder).map_err(|e| Fault::io(folder, e))
}

/// A draft that a dead writer left: no part of the store, but memories lie in it.
fn remove_draft(path: &Path) -> Outcome<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(Fault::io(path, error)),
        _ => Ok(()),
    }
}

/// Segments that the log does not name: those of a writer that died before it renamed its draft, or after.
fn remove_strays(folder: &Path, segments: &[Entry]) -> Outcome<()> {
    let at = |error| Fault::io(folder, error);
    let named: Vec<String> = segments.iter().map(Entry::name).collect();
    for entry in fs::read_dir(folder).map_err(at)? {
        let entry = entry.map_err(at)?;
        let name = entry.file_name().into_string().unwrap_or_default();
        if name.starts_with(segment::PREFIX) && !named.contains(&name) {
            fs::remove_file(entry.path()).map_err(|error| Fault::io(entry.path(), error))?;
        }
    }
    Ok(())
}

/// Make the log end with its last whole frame, on the disk, before anything is added to it.
pub(crate) fn writer(
    folder: &Path,
    log: File,
    cursor: Cursor,
    segments: Vec<Entry>,
    settled: bool,
) -> Outcome<Committer> {
    remove_strays(folder, &segments)?;
    let path = &folder.join(LOG);
    let at = folder.join("mark");
    let mark = private(&at, false).map_err(|e| Fault::io(&at, e))?;
    if !settled {
        log.set_len(cursor.offset).and_then(|()| log.sync_data()).map_err(|e| Fault::io(path, e))?;
        // The log's name too: a writer that died may have renamed it without waiting for the folder.
        sync_folder(folder).map_err(|e| Fault::io(folder, e))?;
        mark.write_all_at(&encode_mark(cursor.identity, cursor.offset), 0).map_err(|e| Fault::io(&at, e))?;
    }
    let files = Files { folder: folder.to_path_buf(), log, mark, draft: None };
    Ok(Committer::new(path.to_path_buf(), Box::new(files), cursor, segments))
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

pub(crate) fn told(path: &Path, stop: Stop) -> Fault {
    match stop {
        Stop::Io(error) => Fault::io(path, error),
        Stop::Corrupt(offset, why) => Fault::corrupt(path, offset, why),
    }
}
