//! Finds the one record batch of an Arrow IPC file, by hand and with every offset checked. Reads no column.
//!
//! Source: Apache Arrow, "IPC file format" and `File.fbs`, `Message.fbs`, metadata version 5.
use crate::table::Wrong;
use arrow_ipc::{Block, Footer, Message, MetadataVersion, root_as_footer, root_as_message};
use std::ops::Range;

const MAGIC: &[u8; 6] = b"ARROW1";
const CONTINUATION: [u8; 4] = [0xff; 4];
/// The length of the footer (4 bytes) and the closing magic.
const TAIL_BYTES: usize = 10;

/// Where the parts of the file lie, in bytes from its start.
pub(crate) struct Parts<'a> {
    pub(crate) footer: Footer<'a>,
    pub(crate) footer_at: usize,
    pub(crate) message: Message<'a>,
    pub(crate) message_at: usize,
    pub(crate) body: Range<usize>,
}

/// The footer, the message of the only record batch, and the range of its body, all inside the file.
pub(crate) fn parts(file: &[u8]) -> Result<Parts<'_>, Wrong> {
    let (footer, footer_at) = footer(file)?;
    if footer.version() != MetadataVersion::V5 {
        return Err(Wrong::at(footer_at, format!("Arrow metadata {:?}, not V5", footer.version())));
    }
    if footer.dictionaries().is_some_and(|d| !d.is_empty()) {
        return Err(Wrong::at(footer_at, "dictionaries where none are used"));
    }
    let batches = footer.recordBatches().ok_or_else(|| Wrong::at(footer_at, "no record batch"))?;
    if batches.len() != 1 {
        return Err(Wrong::at(footer_at, format!("{} record batches, not one", batches.len())));
    }
    let (metadata, body) = block(batches.get(0), footer_at)?;
    let message_at = metadata.start;
    let message = message(file, metadata)?;
    if usize::try_from(message.bodyLength()).ok() != Some(body.len()) {
        return Err(Wrong::at(message_at, "message and footer disagree on the body's length"));
    }
    Ok(Parts { footer, footer_at, message, message_at, body })
}

fn footer(file: &[u8]) -> Result<(Footer<'_>, usize), Wrong> {
    if !file.starts_with(MAGIC) {
        return Err(Wrong::at(0, "no Arrow magic at the start"));
    }
    let end = file.len().checked_sub(TAIL_BYTES).filter(|&end| end >= 8);
    let end = end.ok_or_else(|| Wrong::at(file.len(), "the file ends before an Arrow footer"))?;
    if !file.ends_with(MAGIC) {
        return Err(Wrong::at(end, "no Arrow magic at the end: the file is cut off"));
    }
    let length = read_i32(file, end).and_then(|n| usize::try_from(n).ok()).filter(|&n| n <= end - 8);
    let length = length.ok_or_else(|| Wrong::at(end, "the footer's length reaches out of the file"))?;
    let start = end - length;
    let footer = root_as_footer(&file[start..end]).map_err(|e| Wrong::at(start, format!("the footer: {e}")))?;
    Ok((footer, start))
}

/// The ranges of a block's metadata and body, before the footer and not empty.
fn block(block: &Block, footer_at: usize) -> Result<(Range<usize>, Range<usize>), Wrong> {
    let outside = || Wrong::at(footer_at, "the record batch reaches out of the file");
    let start = usize::try_from(block.offset()).map_err(|_| outside())?;
    let metadata = usize::try_from(block.metaDataLength()).map_err(|_| outside())?;
    let body = usize::try_from(block.bodyLength()).map_err(|_| outside())?;
    let body_at = start.checked_add(metadata).ok_or_else(outside)?;
    let end = body_at.checked_add(body).ok_or_else(outside)?;
    if start < 8 || metadata < 8 || end > footer_at {
        return Err(outside());
    }
    Ok((start..body_at, body_at..end))
}

fn message(file: &[u8], range: Range<usize>) -> Result<Message<'_>, Wrong> {
    let bytes = &file[range.clone()];
    if !bytes.starts_with(&CONTINUATION) {
        return Err(Wrong::at(range.start, "no continuation marker before the message"));
    }
    let length = read_i32(bytes, 4).and_then(|n| usize::try_from(n).ok()).filter(|&n| n <= bytes.len() - 8);
    let length = length.ok_or_else(|| Wrong::at(range.start, "the message reaches out of its block"))?;
    root_as_message(&bytes[8..8 + length]).map_err(|e| Wrong::at(range.start, format!("the message: {e}")))
}

fn read_i32(bytes: &[u8], at: usize) -> Option<i32> {
    let four = bytes.get(at..at.checked_add(4)?)?;
    Some(i32::from_le_bytes(four.try_into().ok()?))
}
