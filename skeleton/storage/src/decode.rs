//! An Arrow record batch of memories, read by hand with every length checked. Writes nothing.
//!
//! Arrow's own reader takes lengths in the message on trust and panics on a bad one; a frame may come from an enemy who
//! can compute a checksum. Source: Apache Arrow, "Columnar format", buffer layouts in depth-first order of the fields.
use crate::memory::Memory;
use arrow_ipc::{Message, root_as_message};

/// Nodes of the columns: id, text, vector, its items, created_unix_s, source.
const NODES: usize = 6;
/// Which node has `width` times as many rows as the others.
const ITEMS: usize = 3;
/// Buffers of the columns, validity included.
const BUFFERS: usize = 13;

/// An encapsulated message: its metadata, and its body.
pub(crate) fn split(payload: &[u8]) -> Result<(Message<'_>, &[u8]), String> {
    let head: &[u8; 8] = payload.first_chunk().ok_or("a payload without a message")?;
    let length = u32::from_le_bytes([head[4], head[5], head[6], head[7]]) as usize;
    if head[..4] != [0xff; 4] || length > payload.len() - 8 {
        return Err("a payload that is no Arrow message".into());
    }
    let (metadata, body) = payload[8..].split_at(length);
    let message = root_as_message(metadata).map_err(|e| format!("the message: {e}"))?;
    Ok((message, body))
}

/// The memories in a payload, or in words why there are none. Never panics, and allocates in proportion to `payload`.
pub(crate) fn decode(payload: &[u8], width: usize) -> Result<Vec<Memory>, String> {
    let (message, body) = split(payload)?;
    let rows = rows(&message, width)?;
    let buffers = buffers(&message, body)?;
    let ids = numbers::<16>(buffers[1], rows)?;
    let texts = strings(buffers[3], buffers[4], rows)?;
    let vectors = numbers::<4>(buffers[7], rows.checked_mul(width).ok_or("an impossible row count")?)?;
    let created = numbers::<8>(buffers[9], rows)?;
    let sources = strings(buffers[11], buffers[12], rows)?;
    let memory = |row: usize| Memory {
        id: u128::from_be_bytes(ids[row]),
        text: texts[row].to_owned(),
        vector: vectors[row * width..(row + 1) * width].iter().map(|bytes| f32::from_le_bytes(*bytes)).collect(),
        created_unix_s: f64::from_le_bytes(created[row]),
        source: sources[row].to_owned(),
    };
    let memories: Vec<Memory> = (0..rows).map(memory).collect();
    memories.iter().try_for_each(|memory| memory.check(width)).map_err(|fault| fault.to_string())?;
    Ok(memories)
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

/// The bytes of all buffers, each inside the body.
fn buffers<'a>(message: &Message<'_>, body: &'a [u8]) -> Result<Vec<&'a [u8]>, String> {
    let batch = message.header_as_record_batch().ok_or("the frame holds no record batch")?;
    let buffers = batch.buffers().filter(|buffers| buffers.len() == BUFFERS);
    let inside = |buffer: &arrow_ipc::Buffer| {
        let start = usize::try_from(buffer.offset()).ok()?;
        body.get(start..start.checked_add(usize::try_from(buffer.length()).ok()?)?)
    };
    let inside: Option<Vec<&[u8]>> = buffers.ok_or("the buffers are not the schema's")?.iter().map(inside).collect();
    inside.ok_or_else(|| "a buffer lies outside of the frame".into())
}

fn numbers<const WIDTH: usize>(buffer: &[u8], count: usize) -> Result<&[[u8; WIDTH]], String> {
    let bytes = count.checked_mul(WIDTH).and_then(|length| buffer.get(..length));
    bytes.map(|bytes| bytes.as_chunks().0).ok_or_else(|| format!("a buffer too short for {count} values"))
}

fn strings<'a>(offsets: &[u8], values: &'a [u8], rows: usize) -> Result<Vec<&'a str>, String> {
    let offsets = numbers::<4>(offsets, rows.checked_add(1).ok_or("an impossible row count")?)?;
    let place = |bytes: &[u8; 4]| u32::from_le_bytes(*bytes) as usize;
    let string = |pair: &[[u8; 4]]| std::str::from_utf8(values.get(place(&pair[0])..place(&pair[1]))?).ok();
    let strings: Option<Vec<&str>> = offsets.windows(2).map(string).collect();
    strings.ok_or_else(|| "a text outside of its buffer, or not UTF-8".into())
}
