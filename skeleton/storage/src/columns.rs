//! The store's schema as an Arrow schema message, and a log's header in its metadata. Knows no frames.
use crate::decode::split;
use crate::memory::Space;
use crate::segment::Entry;
use arrow_ipc::writer::{DictionaryTracker, EncodedData, IpcDataGenerator, IpcWriteOptions, write_message};
use arrow_schema::{ArrowError, DataType, Field, FieldRef, Schema, SchemaRef};
use foundation::{Fault, Outcome};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// What is written where segments go before the log.
const FORMAT: &str = "aios-memories/3";
/// What is written where there are none: the second format, which knew no segments.
const SECOND_FORMAT: &str = "aios-memories/2";
/// What is read too: the first format, whose header told neither a first number nor a sealed length.
const FIRST_FORMAT: &str = "aios-memories/1";

/// The columns, in their order.
pub(crate) const NAMES: [&str; 5] = ["id", "text", "vector", "created_unix_s", "source"];
/// The key of the embedder's name in a schema's metadata.
pub(crate) const EMBEDDER: &str = "embedder";

/// What the header frame says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) space: Space,
    /// Drawn when the log is made; goes into every checksum.
    pub(crate) identity: u64,
    /// The number of the first change in this log; past 1 in a compacted one.
    pub(crate) first_number: u64,
    /// How much of this log was on the disk before it took the place of an earlier one; 0 where there was none.
    pub(crate) sealed_bytes: u64,
    /// The segments that go before this log, in the order of their memories.
    pub(crate) segments: Vec<Entry>,
}

/// The schema of all record batches of a store.
pub(crate) fn schema(width: usize, metadata: BTreeMap<String, String>) -> SchemaRef {
    let types = [
        DataType::FixedSizeBinary(16),
        DataType::Utf8,
        DataType::FixedSizeList(item(), width as i32),
        DataType::Float64,
        DataType::Utf8,
    ];
    let fields: Vec<Field> = NAMES.into_iter().zip(types).map(|(name, data)| Field::new(name, data, false)).collect();
    Arc::new(Schema::new_with_metadata(fields, metadata))
}

fn item() -> FieldRef {
    Arc::new(Field::new("item", DataType::Float32, false))
}

/// The payload of a header frame: an Arrow schema message with our metadata. As long whatever its numbers are.
pub(crate) fn encode_header(header: &Header) -> Outcome<Vec<u8>> {
    let format = if header.segments.is_empty() { SECOND_FORMAT } else { FORMAT };
    let mut metadata = BTreeMap::from([
        ("format".to_string(), format.to_string()),
        (EMBEDDER.to_string(), header.space.embedder.clone()),
        ("width".to_string(), header.space.width.to_string()),
        ("identity".to_string(), format!("{:016x}", header.identity)),
        ("first_number".to_string(), format!("{:016x}", header.first_number)),
        ("sealed_bytes".to_string(), format!("{:016x}", header.sealed_bytes)),
    ]);
    if !header.segments.is_empty() {
        let segments: Vec<String> = header.segments.iter().map(Entry::line).collect();
        metadata.insert("segments".to_string(), segments.join("\n"));
    }
    encode_schema(&schema(header.space.width, metadata))
}

/// The schema message that an exported stream begins with.
pub(crate) fn encode_stream_schema(space: &Space) -> Outcome<Vec<u8>> {
    let metadata = BTreeMap::from([(EMBEDDER.to_string(), space.embedder.clone())]);
    encode_schema(&schema(space.width, metadata))
}

fn encode_schema(schema: &SchemaRef) -> Outcome<Vec<u8>> {
    let mut tracker = DictionaryTracker::new(true);
    let message = IpcDataGenerator::default().schema_to_bytes_with_dictionary_tracker(schema, &mut tracker, &options());
    to_bytes(message)
}

/// The header in a payload, or in words why it is none.
pub(crate) fn decode_header(payload: &[u8]) -> Result<Header, String> {
    let (message, _) = split(payload)?;
    let schema = message.header_as_schema().ok_or("the first frame holds no schema")?;
    let pairs = schema.custom_metadata().into_iter().flatten();
    let metadata: HashMap<&str, &str> = pairs.filter_map(|pair| Some((pair.key()?, pair.value()?))).collect();
    let value = |key: &str| metadata.get(key).copied().ok_or(format!("the header names no {key}"));
    let number =
        |key: &str| u64::from_str_radix(value(key)?, 16).map_err(|_| format!("the header's {key} is no number"));
    let (first_number, sealed_bytes) = match value("format")? {
        FORMAT | SECOND_FORMAT => (number("first_number")?, number("sealed_bytes")?),
        FIRST_FORMAT => (1, 0),
        other => return Err(format!("the format is {other:?}, not {FORMAT:?}")),
    };
    if first_number == 0 {
        return Err("the header's first_number is 0; numbers begin at 1".into());
    }
    let width = value("width")?.parse().map_err(|_| "the header's width is no number".to_string())?;
    let space = Space { embedder: value(EMBEDDER)?.to_owned(), width };
    space.check().map_err(|fault| fault.to_string())?;
    let segments = match value("format")? {
        FORMAT => value("segments")?.lines().map(Entry::read).collect::<Option<_>>(),
        _ => Some(Vec::new()),
    };
    let segments = segments.ok_or("the header's list of segments cannot be read")?;
    Ok(Header { space, identity: number("identity")?, first_number, sealed_bytes, segments })
}

fn to_bytes(message: EncodedData) -> Outcome<Vec<u8>> {
    let mut payload = Vec::new();
    write_message(&mut payload, message, &options()).map_err(arrow_bug)?;
    payload.resize(payload.len().next_multiple_of(8), 0);
    Ok(payload)
}

fn options() -> IpcWriteOptions {
    IpcWriteOptions::default()
}

fn arrow_bug(error: ArrowError) -> Fault {
    Fault::bug(format!("memories make an Arrow record batch ({error})"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch;
    use crate::chunk::Rows;
    use crate::decode::decode;
    use crate::memory::Memory;
    use arrow_buffer::Buffer;
    use arrow_ipc::MetadataVersion;
    use arrow_ipc::reader::read_record_batch;

    fn memory(id: u128, text: &str) -> Memory {
        Memory { id, text: text.into(), vector: vec![1.0, -0.0, 3e-40], created_unix_s: 1.5, source: "test".into() }
    }

    fn rows() -> Rows {
        Rows::of_memories(&[memory(1, "one"), memory(u128::MAX, ""), memory(3, "drei, für dich")])
    }

    fn payload() -> (Vec<u8>, SchemaRef) {
        let rows = rows();
        (batch::encode(&rows.chunk, 3).whole(&rows.vectors), schema(3, BTreeMap::new()))
    }

    #[test]
    fn memories_come_back_as_they_were() {
        let (payload, schema) = payload();
        assert!(payload.len().is_multiple_of(8));
        let (message, body) = split(&payload).unwrap();
        let (body, batch) = (Buffer::from(body), message.header_as_record_batch().unwrap());
        let arrow = read_record_batch(&body, batch, schema, &HashMap::new(), None, &MetadataVersion::V5).unwrap();
        assert_eq!((arrow.num_rows(), arrow.num_columns()), (3, 5));
        assert_eq!(decode(&payload, 3).unwrap(), rows());
    }

    #[test]
    fn a_header_comes_back_as_it_was() {
        let space = Space { embedder: "e/1".into(), width: 384 };
        let entry = Entry { identity: 4, place: 2, rows: 10, bytes: 1 << 33, checksum: 77 };
        for segments in [vec![], vec![entry.clone()], vec![entry; 3]] {
            let space = space.clone();
            let header = Header { space, identity: u64::MAX - 5, first_number: 7, sealed_bytes: 1 << 40, segments };
            let payload = encode_header(&header).unwrap();
            assert_eq!(decode_header(&payload).unwrap(), header);
            let later = Header { identity: 0, first_number: 1, sealed_bytes: 0, ..header };
            assert_eq!(encode_header(&later).unwrap().len(), payload.len());
        }
    }

    #[test]
    fn a_payload_by_an_enemy_never_panics() {
        let (sound, _) = payload();
        for at in 0..sound.len() {
            assert!(decode(&sound[..at], 3).is_err() || at + 64 > sound.len());
            for pattern in [0x01, 0x80, 0xff] {
                let mut bytes = sound.clone();
                bytes[at] ^= pattern;
                if let Ok(rows) = decode(&bytes, 3) {
                    assert_eq!(rows.vectors.len(), 3 * rows.chunk.len());
                }
                // A header where memories belong, and the other way round, is refused too.
                assert!(decode_header(&bytes).is_err());
            }
        }
    }
}
