//! A large batch of memories on its way to the log: copied once, and summed and written while it is being copied. The
//! small ones wait for each other instead (see `commit`).
use crate::batch;
use crate::change::Change;
use crate::chunk::{Chunk, Rows, not_finite};
use crate::commit::{Committer, Log, all_new, bounded, held};
use crate::frame::{self, HEAD_BYTES, Kind, LARGEST_PAYLOAD};
use crate::memory::Memory;
use crate::read;
use crate::state::State;
use foundation::{Fault, Outcome};
use std::io;
use std::sync::mpsc::{Sender, channel};
use std::sync::{PoisonError, RwLock};
use std::thread;

/// From so many bytes on a batch goes this way.
pub(crate) const BULK_BYTES: usize = 1 << 20;
/// Numbers that are copied, summed and handed on at once: they stay in a cache.
const PIECE: usize = 1 << 16;

/// Vectors where the caller keeps them.
#[derive(Clone, Copy)]
pub(crate) enum Vectors<'a> {
    /// Row by row.
    Joined(&'a [f32]),
    /// Each in its memory.
    Apart(&'a [Memory]),
}

impl Vectors<'_> {
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
    pub(crate) fn commit_bulk(&self, chunk: Chunk, vectors: Vectors<'_>, state: &RwLock<State>) -> Outcome<u64> {
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
    /// Write a batch as one frame and sync; gives its vectors, copied.
    fn write_bulk(&mut self, chunk: &Chunk, vectors: Vectors<'_>) -> Outcome<Vec<f32>> {
        let width = self.cursor.width;
        let batch = batch::encode(chunk, width);
        bounded(chunk.size_bytes() + batch.vector_bytes)?;
        if batch.length() > LARGEST_PAYLOAD {
            return Err(Fault::bug(format!("a payload of {} bytes passed the bound on changes", batch.length())));
        }
        let frame_bytes = (HEAD_BYTES + batch.length()) as u64;
        let (head, begun) = frame::begin(self.cursor.identity, self.cursor.sequence, Kind::Memories, batch.length());
        let mut copy = vec![0.0; chunk.len() * width];
        // The head goes last: until it is there, nobody takes what lies behind it for a frame.
        let body = self.cursor.offset + HEAD_BYTES as u64;
        let behind = body + (batch.before.len() + batch.vector_bytes) as u64;
        let begun = crc32c::crc32c_append(begun, &batch.before);
        let mut write = || {
            self.medium.write(body, &batch.before).map_err(Stop::Disk)?;
            let put = |offset: u64, bytes: &[u8]| self.medium.write(body + batch.before.len() as u64 + offset, bytes);
            let checksum = copy_and_write(vectors, width, &mut copy, begun, put)?;
            let checksum = crc32c::crc32c_append(checksum, &batch.after);
            self.medium.write(behind, &batch.after).map_err(Stop::Disk)?;
            self.medium.write(self.cursor.offset, &frame::finish(head, checksum)).map_err(Stop::Disk)
        };
        match write() {
            Ok(()) => self.settle(frame_bytes, chunk.len() as u64).map_err(|failure| failure.fault())?,
            Err(Stop::Disk(error)) => return Err(self.undo(error, frame_bytes, false).fault()),
            Err(Stop::NotFinite(place, value)) => {
                let fault = not_finite(chunk.ids[place / width], place % width, value);
                // The cut is what matters; the disk did not fail.
                self.undo(io::Error::other("refused"), frame_bytes, false);
                return Err(fault);
            }
        }
        Ok(copy)
    }
}

/// Copy the vectors on a second thread, piece by piece, and hand each that is copied, summed and found finite to `put`
/// with its place in bytes. Gives the checksum `begun` carried on over all of them.
fn copy_and_write(
    vectors: Vectors<'_>,
    width: usize,
    copy: &mut [f32],
    begun: u32,
    mut put: impl FnMut(u64, &[u8]) -> io::Result<()>,
) -> Result<u32, Stop> {
    thread::scope(|scope| {
        let (send, receive) = channel();
        let copying = scope.spawn(move || copy_pieces(vectors, width, copy, begun, &send));
        let mut offset = 0;
        for piece in receive {
            let bytes: &[u8] = bytemuck::cast_slice(piece);
            put(offset, bytes).map_err(Stop::Disk)?;
            offset += bytes.len() as u64;
        }
        copying.join().unwrap_or_else(|_| Err(Stop::Disk(io::Error::other("copying panicked"))))
    })
}

fn copy_pieces<'a>(
    vectors: Vectors<'_>,
    width: usize,
    copy: &'a mut [f32],
    begun: u32,
    send: &Sender<&'a [f32]>,
) -> Result<u32, Stop> {
    let rows = (PIECE / width).max(1);
    let mut checksum = begun;
    for (number, piece) in copy.chunks_mut(rows * width).enumerate() {
        vectors.copy(number * rows, width, piece);
        if let Some(place) = read::not_finite(piece) {
            return Err(Stop::NotFinite(number * rows * width + place, piece[place]));
        }
        let piece: &'a [f32] = piece;
        checksum = crc32c::crc32c_append(checksum, bytemuck::cast_slice(piece));
        if send.send(piece).is_err() {
            // The one who writes has met an error and tells it.
            break;
        }
    }
    Ok(checksum)
}
