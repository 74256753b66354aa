//! The draft of a new log: its frames, and its header, which is written last. Renames nothing.
use crate::batch;
use crate::chunk::Rows;
use crate::columns::{self, Header};
use crate::commit::{Failure, GATHERED_BYTES, Log};
use crate::compact::{Start, Wish};
use crate::frame::{self, HEAD_BYTES, Head, Kind};
use crate::medium::Draft;
use crate::memory::Space;
use crate::plan;
use crate::recover::Cursor;
use crate::segment::Entry;
use crate::snapshot::Snapshot;
use foundation::{Fault, Outcome};
use std::io;
use std::ops::Range;
use std::path::PathBuf;

/// A log being made.
pub(crate) struct Rewrite {
    path: PathBuf,
    header: Header,
    pub(crate) cursor: Cursor,
    /// How many numbers what is added takes.
    added: u64,
}

impl Rewrite {
    pub(crate) fn new(path: PathBuf, start: &Start, wish: &Wish<'_>) -> Self {
        let old = &start.cursor;
        let mixed = wish.drawn.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        // The sequence goes in too, and never comes twice in a store, but where nothing was changed in between.
        let mut identity = (old.identity.rotate_left(17) ^ mixed).wrapping_add(old.sequence);
        while start.homes.iter().flatten().any(|entry| entry.identity == identity) {
            // A segment that is kept has that name.
            identity = identity.wrapping_add(1);
        }
        let added = wish.added.iter().map(|rows| rows.chunk.len() as u64).sum();
        let header = Header { space: wish.space.clone(), identity, first_number: 1, sealed_bytes: 0, segments: vec![] };
        Self { path, header, cursor: Cursor { identity, offset: 0, loose_bytes: 0, ..old.clone() }, added }
    }

    pub(crate) fn identity(&self) -> u64 {
        self.header.identity
    }

    pub(crate) fn space(&self) -> &Space {
        &self.header.space
    }

    /// The log goes on after these segments and begins with so many memories. The header's place is left free.
    pub(crate) fn begin_log(&mut self, segments: Vec<Entry>, logged: u64) -> Outcome<()> {
        self.header.segments = segments;
        // The numbers of what is kept in the log end where those of the old log do, so that numbers go on rising.
        self.header.first_number = self.cursor.sequence + self.added - logged;
        self.cursor.sequence = self.header.first_number;
        self.cursor.offset = (HEAD_BYTES + columns::encode_header(&self.header)?.len()) as u64;
        Ok(())
    }

    /// Frames of some rows, of about 32 MiB each.
    pub(crate) fn write_rows(&mut self, draft: &mut dyn Draft, held: &Snapshot, rows: Range<usize>) -> Outcome<()> {
        for piece in plan::pieces(held, rows, GATHERED_BYTES as u64) {
            let Rows { chunk, vectors } = held.copied(piece.clone());
            let payload = batch::encode(&chunk, held.width).whole(&vectors);
            self.write_frame(draft, self.cursor.sequence, Kind::Memories, &payload)?;
            self.cursor.sequence += piece.len() as u64;
        }
        Ok(())
    }

    fn write_frame(&mut self, draft: &mut dyn Draft, sequence: u64, kind: Kind, payload: &[u8]) -> Outcome<()> {
        let frame = frame::encode(self.cursor.identity, sequence, kind, payload);
        draft.write(self.cursor.offset, &frame).map_err(|error| self.refused(&error, frame.len() as u64))?;
        self.cursor.pass(frame.len() as u64);
        Ok(())
    }

    /// Take over the frames that the log got since the start, under the new identity.
    pub(crate) fn copy_tail(&mut self, draft: &mut dyn Draft, log: &mut Log, start: &Start) -> Outcome<()> {
        let mut offset = start.cursor.offset;
        while offset < log.cursor.offset {
            let mut read = |at: u64, length| log.medium.read(at, length).map_err(|error| Fault::io(&log.path, error));
            let head = Head::decode(&read(offset, HEAD_BYTES)?);
            let payload = head.map(|head| read(offset + HEAD_BYTES as u64, head.length)).transpose()?;
            let sound = head.zip(payload).filter(|(head, payload)| head.vouches_for(start.cursor.identity, payload));
            let Some((head, payload)) = sound else {
                return Err(Fault::corrupt(&log.path, offset, "a frame that was written does not read back"));
            };
            self.write_frame(draft, head.sequence + self.added, head.kind, &payload)?;
            offset += head.frame_bytes();
        }
        self.cursor.sequence = log.cursor.sequence + self.added;
        Ok(())
    }

    /// Last, when it is known how long the log is.
    pub(crate) fn write_header(&mut self, draft: &mut dyn Draft) -> Outcome<()> {
        self.header.sealed_bytes = self.cursor.offset;
        let frame = frame::encode(0, 0, Kind::Header, &columns::encode_header(&self.header)?);
        draft.write(0, &frame).map_err(|error| self.refused(&error, frame.len() as u64))
    }

    pub(crate) fn refused(&self, error: &io::Error, bytes: u64) -> Fault {
        Failure::disk(&self.path, error, bytes).fault()
    }
}
