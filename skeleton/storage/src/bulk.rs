//! A large batch of memories on its way to the log: summed and written piece by piece, and used where it lies, or copied into
//! memory while the disk works. The small ones wait for each other instead (see `commit`).
use crate::batch;
use crate::change::Change;
use crate::chunk::{Chunk, Rows, not_finite};
use crate::commit::{Committer, Log, all_new, bounded, held};
use crate::frame::{self, HEAD_BYTES, Kind, LARGEST_PAYLOAD};
use crate::memory::Memory;
use crate::numbers::Numbers;
use crate::read;
use crate::state::State;
use foundation::{Fault, Outcome};
use std::io;
use std::sync::{PoisonError, RwLock};
use std::thread;

/// From so many bytes on a batch goes this way.
pub(crate) const BULK_BYTES: usize = 1 << 20;
/// Bytes that are written at once and end at a multiple of as many in the file, so that the system can hold them in one
/// large page, which is found and mapped as one.
const PIECE: usize = 2 << 20;
/// Numbers that are copied, summed and looked at before the next: they stay in a cache.
const BLOCK: usize = 1 << 14;

/// Vectors where the caller keeps them.
#[derive(Clone, Copy)]
pub(crate) enum Given<'a> {
    /// Row by row.
    Joined(&'a [f32]),
    /// Each in its memory.
    Apart(&'a [Memory]),
}

impl Given<'_> {
    /// Copy the rows from `first` on, as many as fill `into`.
    fn copy(self, first: usize, width: usize, into: &mut [f32]) {
        match self {
            Self::Joined(numbers) => into.copy_from_slice(&numbers[first * width..first * width + into.len()]),
            Self::Apart(memories) => {
                for (row, memory) in into.chunks_mut(width).zip(&memories[first..]) {
                    row.copy_from_slice(&memory.vector);
                }
            }
        }
    }
}

/// Why a batch did not come to the disk.
enum Stop {
    Disk(io::Error),
    NotFinite(usize, f32),
}

impl Committer {
    /// Put a batch, whose times are checked, on the disk and then into `state`; gives the last number that it took.
    ///
    /// Errors: as of `commit`, and `OutOfRange` for a number that is not finite, with nothing stored.
    pub(crate) fn commit_bulk(&self, chunk: Chunk, vectors: Given<'_>, state: &RwLock<State>) -> Outcome<u64> {
        let mut log = held(&self.log);
        log.sound().map_err(|failure| failure.fault())?;
        all_new(&chunk.ids, &state.read().unwrap_or_else(PoisonError::into_inner))?;
        let count = chunk.len() as u64;
        let vectors = log.write_bulk(&chunk, vectors)?;
        let last = log.cursor.sequence - 1;
        debug_assert!(last >= count);
        // The ids were looked at above, and only the holder of the log changes the state.
        let _ = state.write().unwrap_or_else(PoisonError::into_inner).apply(Change::Store(Rows { chunk, vectors }));
        Ok(last)
    }
}

impl Log {
    /// Write a batch as one frame and sync; gives its vectors, where they lie or copied.
    fn write_bulk(&mut self, chunk: &Chunk, vectors: Given<'_>) -> Outcome<Numbers> {
        let width = self.cursor.width;
        let batch = batch::encode(chunk, width);
        bounded(chunk.size_bytes() + batch.vector_bytes)?;
        if batch.length() > LARGEST_PAYLOAD {
            return Err(Fault::bug(format!("a payload of {} bytes passed the bound on changes", batch.length())));
        }
        let frame_bytes = (HEAD_BYTES + batch.length()) as u64;
        let (head, begun) = frame::begin(self.cursor.identity, self.cursor.sequence, Kind::Memories, batch.length());
        // The head goes last: until it is there, nobody takes what lies behind it for a frame.
        let body = self.cursor.offset + HEAD_BYTES as u64;
        let begun = crc32c::crc32c_append(begun, &batch.before);
        let mut write = || {
            let mut at = body;
            let mut put = |bytes: &[u8]| {
                self.medium.write(at, bytes).map_err(Stop::Disk)?;
                at += bytes.len() as u64;
                Ok(())
            };
            put(&batch.before)?;
            let place = body + batch.before.len() as u64;
            let checksum = write_vectors(vectors, (width, chunk.len(), place), begun, &mut put)?;
            put(&batch.after)?;
            let head = frame::finish(head, crc32c::crc32c_append(checksum, &batch.after));
            self.medium.write(self.cursor.offset, &head).map_err(Stop::Disk)
        };
        match write() {
            Ok(()) => {}
            Err(Stop::Disk(error)) => return Err(self.undo(error, frame_bytes, false).fault()),
            Err(Stop::NotFinite(place, value)) => {
                let fault = not_finite(chunk.ids[place / width], place % width, value);
                // The cut is what matters; the disk did not fail.
                self.undo(io::Error::other("refused"), frame_bytes, false);
                return Err(fault);
            }
        }
        let vectors_at = body + batch.before.len() as u64;
        let place = vectors_at..vectors_at + batch.vector_bytes as u64;
        let (means, count) = (self.means, chunk.len());
        let mapped = means.map.and_then(|map| self.medium.map(map, place));
        let mapped = mapped.and_then(|bytes| Numbers::mapped(bytes, 0..batch.vector_bytes));
        if let Some(mapped) = mapped {
            self.settle(frame_bytes, count as u64).map_err(|failure| failure.fault())?;
            return Ok(mapped);
        }
        // The processor has time while the disk works.
        thread::scope(|scope| {
            let copying = scope.spawn(move || {
                let mut copy = means.room(count * width);
                vectors.copy(0, width, &mut copy);
                copy.into()
            });
            let settled = self.settle(frame_bytes, count as u64).map_err(|failure| failure.fault());
            let copy = copying.join().map_err(|_| Fault::bug("copying vectors does not panic"));
            settled.and(copy)
        })
    }
}

/// Write the vectors a piece at a time from a copy, so that what is summed is what is written, whatever happens to the
/// caller's numbers meanwhile. Gives the checksum `begun` carried on over all of them.
fn write_vectors(
    vectors: Given<'_>,
    (width, count, place): (usize, usize, u64),
    begun: u32,
    put: &mut impl FnMut(&[u8]) -> Result<(), Stop>,
) -> Result<u32, Stop> {
    let rows = (BLOCK / width).max(1);
    let mut piece = vec![0.0; PIECE / 4 + rows.min(count) * width];
    let (mut held, mut place, mut checksum) = (0, place, begun);
    for first in (0..count).step_by(rows) {
        let block = &mut piece[held..held + rows.min(count - first) * width];
        vectors.copy(first, width, block);
        if let Some(bad) = read::not_finite(block) {
            return Err(Stop::NotFinite(first * width + bad, block[bad]));
        }
        checksum = crc32c::crc32c_append(checksum, bytemuck::cast_slice(block));
        held += block.len();
        let until = PIECE - (place % PIECE as u64) as usize;
        // A frame begins at a multiple of 8, so a piece ends between two numbers.
        if 4 * held >= until || first + rows >= count {
            let end = if first + rows >= count { held } else { until / 4 };
            put(bytemuck::cast_slice(&piece[..end]))?;
            piece.copy_within(end..held, 0);
            (held, place) = (held - end, place + 4 * end as u64);
        }
    }
    Ok(checksum)
}
