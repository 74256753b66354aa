//! A new log for a store: what is there goes into a draft, which takes the log's place by a rename. Decides not when.
//!
//! The draft is written and synced while others read and write; only then are they held up, for as long as it takes to
//! copy what came meanwhile, to sync that, to rename and to sync the folder. Before the rename the old log holds
//! everything; after it the new one does; a loss of power in between leaves one of both.
use crate::change::Change;
use crate::columns::{self, Header};
use crate::commit::{Committer, Failure, GATHERED_BYTES, Log, already, held};
use crate::frame::{self, HEAD_BYTES, Head, Kind};
use crate::medium::{DRAFT, Draft, encode_mark};
use crate::memory::{Memory, Space};
use crate::recover::Cursor;
use crate::snapshot::Snapshot;
use crate::state::State;
use foundation::{Fault, Outcome};
use std::io;
use std::path::PathBuf;
use std::sync::{PoisonError, RwLock};

/// What the log and the state were when the draft was begun.
struct Start {
    cursor: Cursor,
    held: Snapshot,
    dead_bytes: u64,
}

impl Committer {
    /// Make a new log of what `state` holds and `added`, whose memories are checked and have ids that differ; gives by
    /// how many bytes the log shrank. All of `added` is stored or nothing.
    ///
    /// `drawn` makes the new log's identity differ from the old one's. What was forgotten before the call is in no file
    /// afterwards. Costs one write of all that is there.
    /// Errors: `Conflict` for an id of `added` that is there; `Exhausted`, `Io` with the old log in its place, or, when
    /// it is not known which log is, with the store closed to writing; `Corrupt` when the old log reads back damaged.
    pub(crate) fn rewrite(&self, added: Vec<Memory>, space: &Space, drawn: u64, state: &RwLock<State>) -> Outcome<u64> {
        let _one_at_a_time = held(&self.rewriting);
        let (mut draft, start) = held(&self.log).begin(state)?;
        let path = held(&self.log).path.with_file_name(DRAFT);
        let written = Rewrite::new(path, &start, space, drawn).and_then(|mut new| {
            new.write_memories(&mut *draft, start.held.memories())?;
            draft.sync().map_err(|error| new.refused(&error, 0))?;
            Ok(new)
        });
        let mut log = held(&self.log);
        match written.and_then(|new| log.finish(new, &mut *draft, &start, added, state)) {
            Ok(shrunk) => Ok(shrunk),
            Err(fault) => {
                if log.broken.is_none() {
                    // A draft that cannot be removed is emptied by the next one, or removed when the store is opened.
                    let _ = log.medium.discard();
                }
                Err(fault)
            }
        }
    }
}

impl Log {
    fn begin(&mut self, state: &RwLock<State>) -> Outcome<(Box<dyn Draft>, Start)> {
        self.sound().map_err(|failure| failure.fault())?;
        let draft = self.medium.draft().map_err(|error| Failure::disk(&self.path, &error, 0).fault())?;
        let mut state = state.write().unwrap_or_else(PoisonError::into_inner);
        let held = state.settle().clone();
        Ok((draft, Start { cursor: self.cursor.clone(), held, dead_bytes: state.live_and_dead_bytes().1 }))
    }

    /// Bring the draft up to date and put it in the log's place.
    fn finish(
        &mut self,
        mut new: Rewrite,
        draft: &mut dyn Draft,
        start: &Start,
        added: Vec<Memory>,
        state: &RwLock<State>,
    ) -> Outcome<u64> {
        self.sound().map_err(|failure| failure.fault())?;
        new.copy_tail(draft, self, start)?;
        let known = added.iter().find(|memory| state.read().unwrap_or_else(PoisonError::into_inner).holds(memory.id));
        if let Some(known) = known {
            return Err(already(known.id));
        }
        new.write_memories(draft, added.iter().cloned())?;
        new.write_header(draft)?;
        draft.sync().map_err(|error| new.refused(&error, new.cursor.offset))?;
        if let Err(error) = self.medium.swap().and_then(|()| self.medium.sync_folder()) {
            let why = format!("a new log may or may not be in place ({error}); close the store and open it again");
            self.broken = Some(why);
            return Err(Failure::disk(&self.path, &error, 0).fault());
        }
        let shrunk = self.cursor.offset.saturating_sub(new.cursor.offset);
        self.cursor = new.cursor;
        // A mark of the old log says nothing on this one, whose header tells how much of it was synced.
        let _ = self.medium.mark(encode_mark(self.cursor.identity, self.cursor.offset));
        let mut state = state.write().unwrap_or_else(PoisonError::into_inner);
        state.bury(start.dead_bytes);
        if !added.is_empty() {
            // The ids were looked at above, and only the holder of the log changes the state.
            let _ = state.apply(Change::Store(added));
        }
        Ok(shrunk)
    }
}

/// A log being made.
struct Rewrite {
    path: PathBuf,
    header: Header,
    cursor: Cursor,
}

impl Rewrite {
    fn new(path: PathBuf, start: &Start, space: &Space, drawn: u64) -> Outcome<Self> {
        // The numbers of what is kept end where those of the old log do, so that numbers go on rising.
        let first_number = start.cursor.sequence - start.held.len() as u64;
        let identity = start.cursor.identity.rotate_left(17) ^ drawn.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ first_number;
        let header = Header { space: space.clone(), identity, first_number, sealed_bytes: 0 };
        let offset = (HEAD_BYTES + columns::encode_header(&header)?.len()) as u64;
        let cursor = Cursor { identity, offset, sequence: first_number, ..start.cursor.clone() };
        Ok(Self { path, header, cursor })
    }

    /// Frames of what is there, of about 32 MiB each.
    fn write_memories(&mut self, draft: &mut dyn Draft, memories: impl Iterator<Item = Memory>) -> Outcome<()> {
        let (mut chunk, mut bytes) = (Vec::new(), 0);
        for memory in memories {
            bytes += memory.size_bytes();
            chunk.push(memory);
            if bytes > GATHERED_BYTES {
                self.write_chunk(draft, &chunk)?;
                chunk.clear();
                bytes = 0;
            }
        }
        if chunk.is_empty() { Ok(()) } else { self.write_chunk(draft, &chunk) }
    }

    fn write_chunk(&mut self, draft: &mut dyn Draft, chunk: &[Memory]) -> Outcome<()> {
        let Cursor { width, schema, sequence, .. } = &self.cursor;
        let payload = columns::encode(&chunk.iter().collect::<Vec<_>>(), schema, *width)?;
        self.write_frame(draft, *sequence, Kind::Memories, &payload)?;
        self.cursor.sequence += chunk.len() as u64;
        Ok(())
    }

    fn write_frame(&mut self, draft: &mut dyn Draft, sequence: u64, kind: Kind, payload: &[u8]) -> Outcome<()> {
        let frame = frame::encode(self.cursor.identity, sequence, kind, payload);
        draft.write(self.cursor.offset, &frame).map_err(|error| self.refused(&error, frame.len() as u64))?;
        self.cursor.offset += frame.len() as u64;
        Ok(())
    }

    /// Take over the frames that the log got since the start, under the new identity.
    fn copy_tail(&mut self, draft: &mut dyn Draft, log: &mut Log, start: &Start) -> Outcome<()> {
        let mut offset = start.cursor.offset;
        while offset < log.cursor.offset {
            let mut read = |at: u64, length| log.medium.read(at, length).map_err(|error| Fault::io(&log.path, error));
            let head = Head::decode(&read(offset, HEAD_BYTES)?);
            let payload = head.map(|head| read(offset + HEAD_BYTES as u64, head.length)).transpose()?;
            let sound = head.zip(payload).filter(|(head, payload)| head.vouches_for(start.cursor.identity, payload));
            let Some((head, payload)) = sound else {
                return Err(Fault::corrupt(&log.path, offset, "a frame that was written does not read back"));
            };
            self.write_frame(draft, head.sequence, head.kind, &payload)?;
            offset += head.frame_bytes();
        }
        self.cursor.sequence = log.cursor.sequence;
        Ok(())
    }

    /// Last, when it is known how long the log is; its place was left free.
    fn write_header(&mut self, draft: &mut dyn Draft) -> Outcome<()> {
        self.header.sealed_bytes = self.cursor.offset;
        let frame = frame::encode(0, 0, Kind::Header, &columns::encode_header(&self.header)?);
        draft.write(0, &frame).map_err(|error| self.refused(&error, frame.len() as u64))
    }

    fn refused(&self, error: &io::Error, bytes: u64) -> Fault {
        Failure::disk(&self.path, error, bytes).fault()
    }
}
