//! Reads a log frame by frame and says where its sound part ends. Changes nothing; whoever writes does the cutting.
use crate::change::Change;
use crate::columns;
use crate::frame::{HEAD_BYTES, Head, Kind};
use arrow_schema::SchemaRef;
use std::io::{self, Read};

/// What opening a store found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recovery {
    /// Whole frames, the header not counted.
    pub frames: u64,
    /// Memories that are there.
    pub memories: u64,
    /// Memories that were forgotten, and whose bytes still lie in the log until it is compacted.
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
    pub(crate) schema: SchemaRef,
    /// Where the next frame begins.
    pub(crate) offset: u64,
    /// The number of the next change.
    pub(crate) sequence: u64,
}

/// Read the header frame; its length and its payload's meaning.
pub(crate) fn header(log: &mut impl Read) -> Result<(columns::Header, u64), Stop> {
    let corrupt = |why: String| Stop::Corrupt(0, why);
    let mut bytes = Vec::new();
    log.by_ref().take(HEAD_BYTES as u64).read_to_end(&mut bytes)?;
    let head = Head::decode(&bytes).filter(|head| head.kind == Kind::Header);
    let head = head.ok_or_else(|| corrupt("the log does not begin with a header frame".into()))?;
    let mut payload = Vec::new();
    log.by_ref().take(head.length as u64).read_to_end(&mut payload)?;
    if payload.len() != head.length || !head.vouches_for(0, &payload) {
        return Err(corrupt("the header frame does not match its checksum".into()));
    }
    Ok((columns::decode_header(&payload).map_err(corrupt)?, head.frame_bytes()))
}

/// Read on from the cursor to the end, handing every frame's change to `found` and moving the cursor past it.
///
/// `log` stands at the cursor; `acknowledged` is the least length that the log must have. Gives the number of frames and
/// of bytes after the last whole one. A bad frame is a torn tail only if it is not within the acknowledged bytes and no
/// whole frame follows it; otherwise it is damage.
/// Costs one read of the log; memory for one frame, or for the torn tail.
pub(crate) fn frames(
    log: &mut impl Read,
    cursor: &mut Cursor,
    acknowledged: u64,
    mut found: impl FnMut(Change) -> Result<(), String>,
) -> Result<(u64, u64), Stop> {
    let mut count = 0;
    let mut bytes = Vec::new();
    loop {
        bytes.clear();
        log.by_ref().take(HEAD_BYTES as u64).read_to_end(&mut bytes)?;
        let head = Head::decode(&bytes).filter(|head| head.kind != Kind::Header && head.sequence == cursor.sequence);
        if let Some(head) = head {
            log.by_ref().take(head.length as u64).read_to_end(&mut bytes)?;
            if whole(head, cursor, &bytes) {
                let corrupt = |why| Stop::Corrupt(cursor.offset, why);
                let change = Change::decode(head.kind, &bytes[HEAD_BYTES..], cursor.width).map_err(corrupt)?;
                let next = cursor.sequence.checked_add(change.count());
                cursor.sequence = next.ok_or_else(|| corrupt("a number past the last one".into()))?;
                found(change).map_err(corrupt)?;
                cursor.offset += head.frame_bytes();
                count += 1;
                continue;
            }
        }
        log.read_to_end(&mut bytes)?;
        return tail(cursor, &bytes, acknowledged).map(|torn| (count, torn));
    }
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
