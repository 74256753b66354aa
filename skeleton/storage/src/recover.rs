//! Reads a log frame by frame and says where its sound part ends. Changes nothing; whoever writes does the cutting.
use crate::change::{Change, forgotten};
use crate::chunk::Rows;
use crate::columns;
use crate::decode::{Places, bad_number, metadata_end};
use crate::frame::{HEAD_BYTES, Head, Kind};
use crate::numbers::Numbers;
use crate::read::{self, Seen, Window};
use crate::state::State;
use std::io;
use std::ops::Range;

/// Smaller frames than this are not worth a second thread.
const SMALL_FRAME: u64 = 1 << 20;

/// What opening a store found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recovery {
    /// Segments that were read, each whole and as its checksum says.
    pub segments: u64,
    /// Whole frames of the log, the header not counted.
    pub frames: u64,
    /// Memories that are there.
    pub memories: u64,
    /// Memories that were forgotten, and whose bytes still lie in the files until the store is compacted.
    pub forgotten: u64,
    /// Bytes of the log that hold whole frames.
    pub sound_bytes: u64,
    /// Bytes of a torn tail after them, which was never acknowledged as far as the store knows. A writer has cut them
    /// off; a reader has left them alone.
    pub dropped_bytes: u64,
    /// Whether the mark of acknowledged bytes was there to compare with. Without it a damaged last frame cannot be told
    /// from a torn one.
    pub marked: bool,
}

/// Why reading stopped for good.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The disk refused.
    Io(io::Error),
    /// Damage at a byte of the log.
    Corrupt(u64, String),
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// A place in the log, and what must come there.
#[derive(Clone, Debug)]
pub(crate) struct Cursor {
    pub(crate) identity: u64,
    pub(crate) width: usize,
    /// Where the next frame begins.
    pub(crate) offset: u64,
    /// The number of the next change.
    pub(crate) sequence: u64,
    /// Bytes in small frames, which are read one by one when the store is opened.
    pub(crate) loose_bytes: u64,
}

impl Cursor {
    /// Go past a frame.
    pub(crate) fn pass(&mut self, frame_bytes: u64) {
        self.offset += frame_bytes;
        if frame_bytes < SMALL_FRAME {
            self.loose_bytes += frame_bytes;
        }
    }
}

/// What takes up what a log tells.
pub(crate) trait Sink {
    /// Memories that were stored; in words, why they cannot be.
    fn stored(&mut self, rows: Rows) -> Result<(), String>;
    /// Memories that were forgotten.
    fn forgotten(&mut self, ids: Vec<u128>) -> Result<(), String>;
}

impl Sink for State {
    fn stored(&mut self, rows: Rows) -> Result<(), String> {
        self.take(rows, None).map_err(odd)
    }

    fn forgotten(&mut self, ids: Vec<u128>) -> Result<(), String> {
        self.apply(Change::Forget(ids)).map_err(odd)
    }
}

pub(crate) fn odd(id: u128) -> String {
    format!("a second, or no, memory {id:032x}")
}

/// Changes to be made later.
#[derive(Default)]
pub(crate) struct Changes {
    pub(crate) all: Vec<Change>,
}

impl Sink for Changes {
    fn stored(&mut self, rows: Rows) -> Result<(), String> {
        self.all.push(Change::Store(rows));
        Ok(())
    }

    fn forgotten(&mut self, ids: Vec<u128>) -> Result<(), String> {
        self.all.push(Change::Forget(ids));
        Ok(())
    }
}

/// Read the header frame; its length and its payload's meaning.
pub(crate) fn header(log: &mut Window<'_>) -> Result<(columns::Header, u64), Stop> {
    let corrupt = |why: String| Stop::Corrupt(0, why);
    let head = Head::decode(log.at(0, HEAD_BYTES)?).filter(|head| head.kind == Kind::Header);
    let head = head.ok_or_else(|| corrupt("the log does not begin with a header frame".into()))?;
    let payload = log.at(HEAD_BYTES as u64, head.length)?;
    if payload.len() != head.length || !head.vouches_for(0, payload) {
        return Err(corrupt("the header frame does not match its checksum".into()));
    }
    Ok((columns::decode_header(payload).map_err(corrupt)?, head.frame_bytes()))
}

/// Read on from the cursor to the end, handing every frame's change to `sink` and moving the cursor past it.
///
/// `acknowledged` is the least length that the log must have. Gives the number of frames and of bytes after the last
/// whole one. A bad frame is a torn tail only if it is not within the acknowledged bytes and no whole frame follows it;
/// otherwise it is damage.
/// Costs one read of the log, by several threads where a frame is large; memory for the columns, or for the torn tail.
pub(crate) fn frames(
    log: &mut Window<'_>,
    cursor: &mut Cursor,
    acknowledged: u64,
    sink: &mut dyn Sink,
) -> Result<(u64, u64), Stop> {
    let mut count = 0;
    loop {
        let head = Head::decode(log.at(cursor.offset, HEAD_BYTES)?)
            .filter(|head| head.kind != Kind::Header && head.sequence == cursor.sequence)
            .filter(|head| cursor.offset.saturating_add(head.frame_bytes()) <= log.length);
        let taken = match head {
            Some(head) => take(log, cursor, head, sink)?,
            None => None,
        };
        let (Some(head), Some(changes)) = (head, taken) else {
            let torn = usize::try_from(log.length.saturating_sub(cursor.offset)).unwrap_or(usize::MAX);
            let bytes = log.source_at(cursor.offset, torn)?;
            return tail(cursor, &bytes, acknowledged).map(|torn| (count, torn));
        };
        let next = cursor.sequence.checked_add(changes);
        cursor.sequence = next.ok_or_else(|| Stop::Corrupt(cursor.offset, "a number past the last one".into()))?;
        cursor.pass(head.frame_bytes());
        count += 1;
    }
}

/// The frame at the cursor put where it belongs, and how many changes it is; `None` when it is not whole.
fn take(log: &mut Window<'_>, cursor: &Cursor, head: Head, sink: &mut dyn Sink) -> Result<Option<u64>, Stop> {
    let corrupt = |why: String| Stop::Corrupt(cursor.offset, why);
    let start = cursor.offset + HEAD_BYTES as u64;
    if head.kind == Kind::Forgotten {
        let payload = log.at(start, head.length)?;
        if !head.vouches_for(cursor.identity, payload) {
            return Ok(None);
        }
        let ids = forgotten(payload).map_err(corrupt)?;
        let count = ids.len() as u64;
        return sink.forgotten(ids).map(|()| Some(count)).map_err(corrupt);
    }
    // A frame that is not whole may say anything; only one whose checksum is right is damage if it makes no sense.
    match batch(log, start..start + head.length as u64, cursor.width, head.begun(cursor.identity))? {
        (checksum, rows) if head.carries(checksum) => {
            let rows = rows.map_err(corrupt)?;
            let count = rows.chunk.len() as u64;
            sink.stored(rows).map(|()| Some(count)).map_err(corrupt)
        }
        _ => Ok(None),
    }
}

/// A record batch in some bytes of a source: the checksum `begun` carried on over all of them, and the memories, or in
/// words why there are none. Their vectors stay in the file where that can be mapped; they are looked at all the same.
pub(crate) fn batch(
    log: &mut Window<'_>,
    bytes: Range<u64>,
    width: usize,
    begun: u32,
) -> io::Result<(u32, Result<Rows, String>)> {
    let length = (bytes.end - bytes.start) as usize;
    let places = match metadata_end(log.at(bytes.start, 8)?, length) {
        Ok(end) => Places::read(log.at(bytes.start, end)?, length, width),
        Err(why) => Err(why),
    };
    let places = match places {
        Ok(places) => places,
        Err(why) => return Ok((crc32c::crc32c_append(begun, log.at(bytes.start, length)?), Err(why))),
    };
    let Range { start, end } = places.vectors.clone();
    let mapped = log.mapped(bytes.clone());
    let vectors = mapped.clone().and_then(|mapped| Numbers::mapped(mapped, start..end));
    if let Some((mapped, vectors)) = mapped.zip(vectors) {
        let (seen, all) = (read::look(&vectors)?, (*mapped).as_ref());
        return Ok(finish(&places, width, begun, (&all[..start], vectors, &all[end..]), &seen));
    }
    let before = log.at(bytes.start, start)?.to_vec();
    let mut room = log.means.room(places.rows * width);
    let seen = match log.held(bytes.start + start as u64, end - start) {
        Some(held) => read::numbers(&held, 0, &mut room)?,
        None => read::numbers(log.source, bytes.start + start as u64, &mut room)?,
    };
    let after = log.at(bytes.start + end as u64, length - end)?;
    Ok(finish(&places, width, begun, (&before, room.into(), after), &seen))
}

/// The whole checksum and the memories, from what lies before the vectors, them, and what lies after them.
fn finish(
    places: &Places,
    width: usize,
    begun: u32,
    (before, vectors, after): (&[u8], Numbers, &[u8]),
    seen: &Seen,
) -> (u32, Result<Rows, String>) {
    let checksum = crc32c::crc32c_append(begun, before);
    let checksum = crc32c::crc32c_combine(checksum, seen.checksum, places.vectors.len());
    let checksum = crc32c::crc32c_append(checksum, after);
    let rows = places.chunk(before, after).and_then(|chunk| match seen.bad {
        Some(place) => Err(bad_number(&chunk, place, vectors[place], width)),
        None => Ok(Rows { chunk, vectors }),
    });
    (checksum, rows)
}

fn whole(head: Head, cursor: &Cursor, bytes: &[u8]) -> bool {
    bytes.len() as u64 == head.frame_bytes() && head.vouches_for(cursor.identity, &bytes[HEAD_BYTES..])
}

/// Whether what follows the last whole frame may be dropped, and how much it is.
fn tail(cursor: &Cursor, bytes: &[u8], acknowledged: u64) -> Result<u64, Stop> {
    if acknowledged > cursor.offset {
        let why = format!("a bad or missing frame, though {acknowledged} bytes were acknowledged");
        return Err(Stop::Corrupt(cursor.offset, why));
    }
    let grown = Head::decode(bytes).and_then(|head| Some((head, bytes.get(..HEAD_BYTES + head.length)?)));
    if grown.is_some_and(|(head, frame)| head.sequence == cursor.sequence && whole(head, cursor, frame)) {
        // A writer finished the frame while a reader was at it; the reader's next refresh takes it up.
        return Ok(bytes.len() as u64);
    }
    match later_frame(cursor, bytes) {
        Some(place) => {
            let why = format!("a bad frame, followed by a whole one at byte {}", cursor.offset + place as u64);
            Err(Stop::Corrupt(cursor.offset, why))
        }
        None => Ok(bytes.len() as u64),
    }
}

/// The first place in `bytes` where a whole frame of this store lies that cannot have come before the bad one; frames
/// begin at multiples of 8.
fn later_frame(cursor: &Cursor, bytes: &[u8]) -> Option<usize> {
    (0..bytes.len()).step_by(8).find(|&place| {
        let rest = &bytes[place..];
        let head = Head::decode(rest).filter(|head| head.kind != Kind::Header && head.sequence >= cursor.sequence);
        let payload = head.and_then(|head| rest.get(HEAD_BYTES..HEAD_BYTES + head.length).map(|p| (head, p)));
        payload.is_some_and(|(head, p)| head.vouches_for(cursor.identity, p))
    })
}
