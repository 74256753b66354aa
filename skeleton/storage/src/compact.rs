//! A new log for a store: what is there goes into segments and a draft, which takes the log's place by a rename. Decides
//! neither when nor which (see `plan`).
//!
//! Segments and the draft are written and synced while others read and write; only then are they held up, for as long as
//! it takes to copy what came meanwhile, to sync that, to rename and to sync the folder. Before the rename the old log
//! and the segments that it names hold everything; after it the new ones do; a loss of power in between leaves one of
//! both. Segments that no log names any more go last.
use crate::chunk::{Chunk, Rows};
use crate::commit::{Committer, Failure, Log, all_new, held};
use crate::medium::{DRAFT, Draft, encode_mark};
use crate::memory::Space;
use crate::numbers::Numbers;
use crate::plan::{self, Part, Sizes};
use crate::read::FEWEST_MAPPED;
use crate::recover::Cursor;
use crate::rewrite::Rewrite;
use crate::segment::{self, Entry};
use crate::snapshot::{Place, Snapshot};
use crate::state::State;
use foundation::Outcome;
use std::collections::HashSet;
use std::io;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

/// What is wanted of a rewriting.
pub(crate) struct Wish<'a> {
    pub(crate) space: &'a Space,
    /// Makes the new log's identity differ from the old one's.
    pub(crate) drawn: u64,
    /// Memories to be stored in segments of their own, checked, with ids that differ.
    pub(crate) added: Vec<Rows>,
    /// Leave nothing in the log.
    pub(crate) seal: bool,
}

/// What the log and the state were when the rewriting was begun.
pub(crate) struct Start {
    pub(crate) cursor: Cursor,
    pub(crate) held: Snapshot,
    pub(crate) homes: Vec<Option<Entry>>,
    dead_bytes: u64,
    sizes: Sizes,
}

/// The writing end, held throughout or only when it is needed.
enum Hold<'a> {
    Throughout(MutexGuard<'a, Log>),
    AtTimes(&'a Mutex<Log>),
}

impl Hold<'_> {
    fn with<T>(&mut self, work: impl FnOnce(&mut Log) -> T) -> T {
        match self {
            Self::Throughout(log) => work(log),
            Self::AtTimes(log) => work(&mut held(log)),
        }
    }
}

/// Chunks with where they live: those that take the place of the old ones, and those of what was added.
#[derive(Default)]
struct Made {
    chunks: Vec<(Arc<Rows>, Option<Entry>)>,
    /// The rows of the start that each of `chunks` holds.
    rows: Vec<Range<usize>>,
    added: Vec<(Rows, Entry)>,
    /// Names of the files that were begun.
    names: Vec<String>,
}

impl Made {
    fn segments(&self) -> Vec<Entry> {
        let own = self.chunks.iter().filter_map(|(_, home)| home.clone());
        own.chain(self.added.iter().map(|(_, entry)| entry.clone())).collect()
    }

    /// Where the memories of the start's chunks are now.
    fn places(&self, start: &Start) -> Vec<Vec<Place>> {
        let nowhere = Place { chunk: 0, at: 0 };
        let mut places: Vec<Vec<Place>> =
            start.held.chunks.iter().map(|chunk| vec![nowhere; chunk.chunk.len()]).collect();
        for (chunk, rows) in self.rows.iter().enumerate() {
            for (at, old) in start.held.rows[rows.clone()].iter().enumerate() {
                places[old.chunk as usize][old.at as usize] = Place { chunk: chunk as u32, at: at as u32 };
            }
        }
        places
    }
}

impl Committer {
    /// Make new files of what `state` holds and what is added, as `plan` says; gives by how many bytes they shrank. All
    /// of what is added is stored or nothing; others wait throughout if there is any.
    ///
    /// What was forgotten before the call is in no file afterwards. Costs one write of all that is not kept as it is.
    /// Errors: `Conflict` for an id that is to be added and is there; `Exhausted`, `Io` with the old files in their
    /// place, or, when it is not known which log is, with the store closed to writing, or with the new ones in place and
    /// old segments left, which the next rewriting removes; `Corrupt` when the old log reads back damaged.
    pub(crate) fn rewrite(&self, wish: Wish<'_>, state: &RwLock<State>) -> Outcome<u64> {
        let _one_at_a_time = held(&self.rewriting);
        let mut hold = match wish.added.is_empty() {
            true => Hold::AtTimes(&self.log),
            false => Hold::Throughout(held(&self.log)),
        };
        let start = hold.with(|log| log.begin(&wish, self.sizes, state))?;
        let path = hold.with(|log| log.path.with_file_name(DRAFT));
        let mut new = Rewrite::new(path, &start, &wish);
        let mut made = Made::default();
        let written = write_files(&mut hold, &mut new, &mut made, &start, wish);
        let shrunk = hold.with(|log| {
            let finished = written.and_then(|mut draft| log.finish(new, &mut *draft, &start, &made));
            match finished {
                Ok(shrunk) => Ok((shrunk, log.take_up(made, &start, state))),
                Err(fault) => {
                    log.clear_away(made.names);
                    Err(fault)
                }
            }
        })?;
        hold.with(Log::bury).map(|()| shrunk.0)
    }
}

/// Write what goes into segments, and begin the draft of the log.
fn write_files(
    hold: &mut Hold<'_>,
    new: &mut Rewrite,
    made: &mut Made,
    start: &Start,
    wish: Wish<'_>,
) -> Outcome<Box<dyn Draft>> {
    let seal = wish.seal || !wish.added.is_empty();
    let parts = plan::parts(&start.held, &start.homes, start.sizes, seal);
    let mut logged = None;
    for part in parts {
        let (rows, chunk, home) = match part {
            Part::Kept { chunk, rows } => (rows, start.held.chunks[chunk].clone(), start.homes[chunk].clone()),
            Part::Log(rows) => {
                logged = Some(rows.clone());
                (rows.clone(), Arc::new(start.held.copied(rows)), None)
            }
            Part::Segment(rows) => {
                let chunk = start.held.chunk(rows.clone());
                let spans = start.held.spans(rows.clone());
                let (entry, mapped) = write_segment(hold, new, made, (&chunk, &spans))?;
                let vectors = mapped.unwrap_or_else(|| start.held.join(rows.clone(), 0).into());
                (rows, Arc::new(Rows { chunk, vectors }), Some(entry))
            }
        };
        made.chunks.push((chunk, home));
        made.rows.push(rows);
    }
    for mut rows in wish.added {
        let (entry, mapped) = write_segment(hold, new, made, (&rows.chunk, &[&rows.vectors]))?;
        rows.vectors = mapped.unwrap_or(rows.vectors);
        made.added.push((rows, entry));
    }
    if !made.names.is_empty() {
        hold.with(|log| log.medium.sync_folder()).map_err(|error| new.refused(&error, 0))?;
    }
    let mut draft = hold.with(|log| log.medium.draft()).map_err(|error| new.refused(&error, 0))?;
    new.begin_log(made.segments(), logged.as_ref().map_or(0, |rows| rows.len() as u64))?;
    if let Some(rows) = logged {
        new.write_rows(&mut *draft, &start.held, rows)?;
    }
    draft.sync().map_err(|error| new.refused(&error, 0))?;
    Ok(draft)
}

fn write_segment(
    hold: &mut Hold<'_>,
    new: &Rewrite,
    made: &mut Made,
    (chunk, vectors): (&Chunk, &[&[f32]]),
) -> Outcome<(Entry, Option<Numbers>)> {
    let place = made.names.len() as u32;
    let name = Entry { identity: new.identity(), place, rows: 0, bytes: 0, checksum: 0 }.name();
    let bytes = chunk.size_bytes() + 4 * chunk.len() * new.space().width;
    let refused = |error: io::Error| new.refused(&error, bytes as u64);
    made.names.push(name.clone());
    let (draft, means) = hold.with(|log| (log.medium.segment(&name), log.means));
    let mut draft = draft.map_err(refused)?;
    let entry = segment::write(&mut *draft, new.space(), chunk, vectors, (new.identity(), place))?.map_err(refused)?;
    let mapped = means.map.filter(|_| entry.bytes >= FEWEST_MAPPED).and_then(|map| {
        let bytes = draft.map(map, 0..entry.bytes)?;
        let places = segment::places((*bytes).as_ref(), new.space().width)?;
        Numbers::mapped(bytes, places)
    });
    Ok((entry, mapped))
}

impl Log {
    fn begin(&mut self, wish: &Wish<'_>, sizes: Sizes, state: &RwLock<State>) -> Outcome<Start> {
        self.sound().map_err(|failure| failure.fault())?;
        let mut state = state.write().unwrap_or_else(PoisonError::into_inner);
        wish.added.iter().try_for_each(|rows| all_new(&rows.chunk.ids, &state))?;
        let dead_bytes = state.live_and_dead_bytes().1;
        let (held, homes) = state.begin_chunks();
        Ok(Start { cursor: self.cursor.clone(), held, homes, dead_bytes, sizes })
    }

    /// Bring the draft up to date and put it in the log's place; gives by how many bytes the files shrink.
    fn finish(&mut self, mut new: Rewrite, draft: &mut dyn Draft, start: &Start, made: &Made) -> Outcome<u64> {
        self.sound().map_err(|failure| failure.fault())?;
        new.copy_tail(draft, self, start)?;
        new.write_header(draft)?;
        draft.sync().map_err(|error| new.refused(&error, new.cursor.offset))?;
        if let Err(error) = self.medium.swap().and_then(|()| self.medium.sync_folder()) {
            let why = format!("a new log may or may not be in place ({error}); close the store and open it again");
            self.broken = Some(why);
            return Err(Failure::disk(&self.path, &error, 0).fault());
        }
        let bytes = |segments: &[Entry]| segments.iter().map(|entry| entry.bytes).sum::<u64>();
        let segments = made.segments();
        let before = self.cursor.offset + bytes(&self.segments);
        let after = new.cursor.offset + bytes(&segments);
        let named: HashSet<String> = segments.iter().map(Entry::name).collect();
        self.doomed.extend(self.segments.iter().map(Entry::name).filter(|name| !named.contains(name)));
        (self.segments, self.cursor) = (segments, new.cursor);
        self.note_loose_bytes();
        // A mark of the old log says nothing on this one, whose header tells how much of it was synced.
        let _ = self.medium.mark(encode_mark(self.cursor.identity, self.cursor.offset));
        Ok(before.saturating_sub(after))
    }

    /// Tell the state where everything is now. The ids were looked at, and only the holder of the log changes the state.
    fn take_up(&mut self, made: Made, start: &Start, state: &RwLock<State>) {
        let places = made.places(start);
        let mut state = state.write().unwrap_or_else(PoisonError::into_inner);
        state.rehouse(made.chunks, &places);
        state.bury(start.dead_bytes);
        for (rows, entry) in made.added {
            let _ = state.store(rows, Some(entry));
        }
    }

    /// After a failure before the rename: what was written is no part of the store.
    fn clear_away(&mut self, names: Vec<String>) {
        if self.broken.is_none() {
            // A draft that cannot be removed is emptied by the next one, or removed when the store is opened.
            let _ = self.medium.discard();
            self.doomed.extend(names);
            let _ = self.bury();
        }
    }

    /// Remove the segments that are no longer part of the store.
    fn bury(&mut self) -> Outcome<()> {
        if self.doomed.is_empty() {
            return Ok(());
        }
        let mut remove = || {
            while let Some(name) = self.doomed.last() {
                self.medium.remove(name)?;
                self.doomed.pop();
            }
            self.medium.sync_folder()
        };
        remove().map_err(|error| Failure::disk(&self.path, &error, 0).fault())
    }
}
