//! A segment: memories in a file of their own that never changes, as an Arrow IPC stream that any Arrow tool reads.
//!
//! Which segments belong to a store, in which order, how long they are and what their checksums are, stands in the header
//! of the log that goes on after them; a file that no header names is no part of the store. Source of the stream:
//! Apache Arrow, "Columnar format", IPC streaming format.
use crate::batch;
use crate::chunk::{Chunk, Rows};
use crate::columns::encode_stream_schema;
use crate::decode::{Places, metadata_end};
use crate::exchange::{END, read_schema};
use crate::medium::Draft;
use crate::memory::Space;
use crate::read::Window;
use crate::recover;
use foundation::{Fault, Outcome};
use std::io;
use std::ops::Range;

/// A piece that is written at once, and summed while it is in the cache.
const PIECE: usize = 1 << 20;
/// How the names of segments begin.
pub(crate) const PREFIX: &str = "segment-";

/// What a log's header says of a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// The identity of the log that named it first, and which of that log's segments it was; together its name.
    pub(crate) identity: u64,
    pub(crate) place: u32,
    pub(crate) rows: u64,
    pub(crate) bytes: u64,
    /// CRC-32C of the whole file.
    pub(crate) checksum: u32,
}

impl Entry {
    pub(crate) fn name(&self) -> String {
        format!("{PREFIX}{:016x}-{:08x}", self.identity, self.place)
    }

    /// As it stands in a header; as long whatever its numbers are.
    pub(crate) fn line(&self) -> String {
        let Self { identity, place, rows, bytes, checksum } = self;
        format!("{identity:016x} {place:08x} {rows:016x} {bytes:016x} {checksum:08x}")
    }

    pub(crate) fn read(line: &str) -> Option<Self> {
        let words: Vec<u64> =
            line.split(' ').map(|word| u64::from_str_radix(word, 16)).collect::<Result<_, _>>().ok()?;
        let [identity, place, rows, bytes, checksum] = words.try_into().ok()?;
        let (place, checksum) = (place.try_into().ok()?, checksum.try_into().ok()?);
        Some(Self { identity, place, rows, bytes, checksum })
    }
}

/// Write a segment into an empty file and wait until it is on the disk. Its name is not, before the folder is synced.
pub(crate) fn write(
    draft: &mut dyn Draft,
    space: &Space,
    chunk: &Chunk,
    vectors: &[&[f32]],
    (identity, place): (u64, u32),
) -> Outcome<Result<Entry, io::Error>> {
    let schema = encode_stream_schema(space)?;
    let batch = batch::encode(chunk, space.width);
    let vectors = vectors.iter().map(|some| bytemuck::cast_slice(some));
    let mut entry = Entry { identity, place, rows: chunk.len() as u64, bytes: 0, checksum: 0 };
    let mut put = |bytes: &[u8]| -> io::Result<()> {
        for piece in bytes.chunks(PIECE) {
            draft.write(entry.bytes, piece)?;
            entry.checksum = crc32c::crc32c_append(entry.checksum, piece);
            entry.bytes += piece.len() as u64;
        }
        Ok(())
    };
    let parts = [&schema[..], &batch.before].into_iter().chain(vectors).chain([&batch.after[..], &END]);
    let written = { parts }.try_for_each(&mut put).and_then(|()| draft.sync());
    Ok(written.map(|()| entry))
}

/// Where the vectors of a segment that was just written lie in its bytes.
pub(crate) fn places(bytes: &[u8], width: usize) -> Option<Range<usize>> {
    let start = metadata_end(bytes, bytes.len()).ok()?;
    let message = bytes.get(start..)?;
    let end = metadata_end(message, message.len()).ok()?;
    let Range { start: first, end: last } = Places::read(&message[..end], message.len(), width).ok()?.vectors;
    Some(start + first..start + last)
}

/// Why a segment cannot be taken up.
pub(crate) enum Damage {
    Io(io::Error),
    Corrupt(u64, String),
}

impl From<io::Error> for Damage {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl Damage {
    pub(crate) fn fault(self, path: &std::path::Path) -> Fault {
        match self {
            Self::Io(error) => Fault::io(path, error),
            Self::Corrupt(offset, why) => Fault::corrupt(path, offset, why),
        }
    }
}

/// The memories of a segment. The whole file is held against its checksum.
pub(crate) fn read(file: &mut Window<'_>, entry: &Entry, space: &Space) -> Result<Rows, Damage> {
    let corrupt = |offset, why: String| Damage::Corrupt(offset, why);
    if file.length != entry.bytes {
        return Err(corrupt(file.length.min(entry.bytes), format!("{} bytes, not {}", file.length, entry.bytes)));
    }
    let length = usize::try_from(entry.bytes).map_err(|_| corrupt(0, "too long for this machine".into()))?;
    let schema_end = metadata_end(file.at(0, 8)?, length).map_err(|why| corrupt(0, why))?;
    let schema = file.at(0, schema_end)?;
    let embedder = read_schema(schema, space.width).map_err(|why| corrupt(0, why))?;
    let begun = crc32c::crc32c(schema);
    let end = entry.bytes.checked_sub(END.len() as u64).filter(|&end| end >= schema_end as u64);
    let end = end.ok_or_else(|| corrupt(0, "no room for memories".into()))?;
    let (checksum, rows) = recover::batch(file, schema_end as u64..end, space.width, begun)?;
    let checksum = crc32c::crc32c_append(checksum, file.at(end, END.len())?);
    if checksum != entry.checksum {
        return Err(corrupt(0, "the segment does not match its checksum".into()));
    }
    let rows = rows.map_err(|why| corrupt(schema_end as u64, why))?;
    if rows.chunk.len() as u64 != entry.rows || embedder != space.embedder {
        return Err(corrupt(0, format!("{} memories of {embedder:?}", rows.chunk.len())));
    }
    Ok(rows)
}
