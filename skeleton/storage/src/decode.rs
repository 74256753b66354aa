//! An Arrow record batch of memories, read by hand with every length checked. Writes nothing.
//!
//! Arrow's own reader takes lengths in the message on trust and panics on a bad one; a frame may come from an enemy who
//! can compute a checksum. Source: Apache Arrow, "Columnar format", buffer layouts in depth-first order of the fields.
use crate::chunk::{Chunk, Rows, Texts, not_finite};
use arrow_ipc::{Message, root_as_message};
use std::ops::Range;

/// Nodes of the columns: id, text, vector, its items, created_unix_s, source.
pub(crate) const NODES: usize = 6;
/// Which node has `width` times as many rows as the others.
pub(crate) const ITEMS: usize = 3;
/// Buffers of the columns, validity included.
pub(crate) const BUFFERS: usize = 13;
const VECTORS: usize = 7;

/// Where a message's metadata ends, from its first eight bytes; at most the length of what it is in.
pub(crate) fn metadata_end(head: &[u8], payload_bytes: usize) -> Result<usize, String> {
    let head: &[u8; 8] = head.first_chunk().ok_or("a payload without a message")?;
    let length = u32::from_le_bytes([head[4], head[5], head[6], head[7]]) as usize;
    if head[..4] != [0xff; 4] || payload_bytes < 8 || length > payload_bytes - 8 {
        return Err("a payload that is no Arrow message".into());
    }
    Ok(8 + length)
}

/// An encapsulated message: its metadata, and its body.
pub(crate) fn split(payload: &[u8]) -> Result<(Message<'_>, &[u8]), String> {
    let (metadata, body) = payload.split_at(metadata_end(payload, payload.len())?);
    let message = root_as_message(&metadata[8..]).map_err(|e| format!("the message: {e}"))?;
    Ok((message, body))
}

/// Where the buffers of a batch lie in its payload.
pub(crate) struct Places {
    /// How many memories there are, at least one.
    pub(crate) rows: usize,
    /// Where the numbers of the vectors are.
    pub(crate) vectors: Range<usize>,
    buffers: Vec<Range<usize>>,
}

impl Places {
    /// The places that the metadata of a payload of so many bytes tells, each inside of it.
    pub(crate) fn read(metadata: &[u8], payload_bytes: usize, width: usize) -> Result<Self, String> {
        let start = metadata_end(metadata, payload_bytes)?;
        let message = metadata.get(8..start).ok_or("a message that was cut")?;
        let message = root_as_message(message).map_err(|e| format!("the message: {e}"))?;
        let rows = rows(&message, width)?;
        let buffers = buffers(&message, start, payload_bytes)?;
        let bytes =
            rows.checked_mul(width).and_then(|numbers| numbers.checked_mul(4)).ok_or("an impossible row count")?;
        let all = &buffers[VECTORS];
        let vectors = all.start..all.start.checked_add(bytes).filter(|&end| end <= all.end).ok_or("too few vectors")?;
        Ok(Self { rows, vectors, buffers })
    }

    /// The columns but for their vectors, from the bytes before the vectors and those after them.
    pub(crate) fn chunk(&self, before: &[u8], after: &[u8]) -> Result<Chunk, String> {
        let buffer = |place: usize| {
            let Range { start, end } = self.buffers[place].clone();
            let shift = self.vectors.end;
            let found = if end <= before.len() {
                before.get(start..end)
            } else {
                start.checked_sub(shift).and_then(|start| after.get(start..end - shift))
            };
            found.ok_or("a buffer inside of the vectors")
        };
        let ids = numbers::<16>(buffer(1)?, self.rows)?.iter().map(|bytes| u128::from_be_bytes(*bytes)).collect();
        let texts = texts(buffer(3)?, buffer(4)?, self.rows)?;
        let created = numbers::<8>(buffer(9)?, self.rows)?.iter().map(|bytes| f64::from_le_bytes(*bytes)).collect();
        let sources = self::texts(buffer(11)?, buffer(12)?, self.rows)?;
        let chunk = Chunk { ids, texts, created_unix_s: created, sources };
        chunk.check().map_err(|fault| fault.to_string())?;
        Ok(chunk)
    }
}

/// The memories in a payload, or in words why there are none. Never panics, and allocates in proportion to `payload`.
pub(crate) fn decode(payload: &[u8], width: usize) -> Result<Rows, String> {
    let places = Places::read(payload, payload.len(), width)?;
    let Range { start, end } = places.vectors.clone();
    let chunk = places.chunk(&payload[..start], &payload[end..])?;
    let numbers = payload[start..end].as_chunks::<4>().0;
    let vectors: Vec<f32> = numbers.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
    match vectors.iter().position(|value| !value.is_finite()) {
        Some(place) => Err(bad_number(&chunk, place, vectors[place], width)),
        None => Ok(Rows { chunk, vectors: vectors.into() }),
    }
}

/// In words, that a number of the vectors is none.
pub(crate) fn bad_number(chunk: &Chunk, place: usize, value: f32, width: usize) -> String {
    not_finite(chunk.ids.get(place / width).copied().unwrap_or(0), place % width, value).to_string()
}

/// The row count on which the message and all nodes agree; at least one row, and no nulls.
fn rows(message: &Message<'_>, width: usize) -> Result<usize, String> {
    let batch = message.header_as_record_batch().ok_or("the frame holds no record batch")?;
    if batch.compression().is_some() {
        return Err("the frame is compressed".into());
    }
    let nodes = batch.nodes().filter(|nodes| nodes.len() == NODES).ok_or("the nodes are not the schema's")?;
    let rows = usize::try_from(batch.length()).ok().filter(|&rows| rows > 0).ok_or("an impossible row count")?;
    for (place, node) in nodes.iter().enumerate() {
        let want = if place == ITEMS { rows.checked_mul(width) } else { Some(rows) };
        if usize::try_from(node.length()).ok() != want || node.null_count() != 0 {
            return Err(format!("column {place} has {} rows and {} nulls", node.length(), node.null_count()));
        }
    }
    Ok(rows)
}

/// Where all buffers lie in a payload whose body begins at `start`, each inside the body.
fn buffers(message: &Message<'_>, start: usize, payload_bytes: usize) -> Result<Vec<Range<usize>>, String> {
    let batch = message.header_as_record_batch().ok_or("the frame holds no record batch")?;
    let buffers = batch.buffers().filter(|buffers| buffers.len() == BUFFERS);
    let inside = |buffer: &arrow_ipc::Buffer| {
        let start = start.checked_add(usize::try_from(buffer.offset()).ok()?)?;
        let end = start.checked_add(usize::try_from(buffer.length()).ok()?)?;
        (end <= payload_bytes).then_some(start..end)
    };
    let inside: Option<Vec<_>> = buffers.ok_or("the buffers are not the schema's")?.iter().map(inside).collect();
    inside.ok_or_else(|| "a buffer lies outside of the frame".into())
}

fn numbers<const WIDTH: usize>(buffer: &[u8], count: usize) -> Result<&[[u8; WIDTH]], String> {
    let bytes = count.checked_mul(WIDTH).and_then(|length| buffer.get(..length));
    bytes.map(|bytes| bytes.as_chunks().0).ok_or_else(|| format!("a buffer too short for {count} values"))
}

fn texts(offsets: &[u8], values: &[u8], rows: usize) -> Result<Texts, String> {
    let offsets = numbers::<4>(offsets, rows.checked_add(1).ok_or("an impossible row count")?)?;
    let mut ends: Vec<u32> = offsets.iter().map(|bytes| u32::from_le_bytes(*bytes)).collect();
    let first = ends.remove(0);
    let outside = || "a text outside of its buffer, or not UTF-8".to_string();
    for end in &mut ends {
        *end = end.checked_sub(first).ok_or_else(outside)?;
    }
    let length = ends.last().map_or(0, |end| *end as usize);
    let joined = (first as usize).checked_add(length).and_then(|end| values.get(first as usize..end));
    let joined = joined.and_then(|bytes| std::str::from_utf8(bytes).ok());
    joined.and_then(|joined| Texts::new(ends, joined.to_owned())).ok_or_else(outside)
}
