//! A record batch of memories as an Arrow message, all but its vectors, which are written from where they lie.
//!
//! The message is built by hand so that nothing is copied into Arrow arrays first. Layout: the message's metadata, then
//! the columns' buffers one after the other, each on a multiple of 64 bytes. Source: Apache Arrow, "Columnar format",
//! encapsulated message format and recordbatch message.
use crate::chunk::{Chunk, Texts};
use crate::decode::{BUFFERS, ITEMS, NODES};
use arrow_ipc::{Buffer, FieldNode, MessageBuilder, MessageHeader, MetadataVersion, RecordBatchBuilder};
use flatbuffers::FlatBufferBuilder;

/// Buffers begin at multiples of this many bytes.
const ALIGNMENT: usize = 64;
/// The buffers that are not empty, in their order; the others say which values are null, and none is.
const FILLED: [usize; 8] = [1, 3, 4, 7, 9, 11, 12, BUFFERS];

/// A message but for its vectors: they belong between `before` and `after`.
pub(crate) struct Batch {
    pub(crate) before: Vec<u8>,
    pub(crate) vector_bytes: usize,
    pub(crate) after: Vec<u8>,
}

impl Batch {
    /// Bytes of the whole message, a multiple of 64.
    pub(crate) fn length(&self) -> usize {
        self.before.len() + self.vector_bytes + self.after.len()
    }

    /// The whole message, copied together.
    pub(crate) fn whole(&self, vectors: &[f32]) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.length());
        bytes.extend_from_slice(&self.before);
        bytes.extend_from_slice(bytemuck::cast_slice(vectors));
        bytes.extend_from_slice(&self.after);
        bytes
    }
}

/// The message of a chunk whose vectors are `width` wide.
pub(crate) fn encode(chunk: &Chunk, width: usize) -> Batch {
    let rows = chunk.len();
    let vector_bytes = rows * width * 4;
    let lengths = [
        16 * rows,
        4 * (rows + 1),
        chunk.texts.joined().len(),
        vector_bytes,
        8 * rows,
        4 * (rows + 1),
        chunk.sources.joined().len(),
    ];
    let mut before = metadata(rows, width, &lengths);
    before.extend(chunk.ids.iter().flat_map(|id| id.to_be_bytes()));
    pad(&mut before);
    put_texts(&mut before, &chunk.texts);
    // The vectors may end anywhere; what follows them begins on a boundary again.
    let mut after = vec![0; vector_bytes.next_multiple_of(ALIGNMENT) - vector_bytes];
    let start = after.len();
    let mut rest = Vec::with_capacity(chunk.size_bytes());
    rest.extend(chunk.created_unix_s.iter().flat_map(|created| created.to_le_bytes()));
    pad(&mut rest);
    put_texts(&mut rest, &chunk.sources);
    after.extend_from_slice(&rest);
    debug_assert!((after.len() - start).is_multiple_of(ALIGNMENT));
    Batch { before, vector_bytes, after }
}

fn put_texts(bytes: &mut Vec<u8>, texts: &Texts) {
    bytes.extend_from_slice(&0u32.to_le_bytes());
    bytes.extend(texts.ends().iter().flat_map(|end| end.to_le_bytes()));
    pad(bytes);
    bytes.extend_from_slice(texts.joined().as_bytes());
    pad(bytes);
}

fn pad(bytes: &mut Vec<u8>) {
    bytes.resize(bytes.len().next_multiple_of(ALIGNMENT), 0);
}

/// The continuation mark, the metadata's length and the metadata; the body follows at once.
fn metadata(rows: usize, width: usize, lengths: &[usize; 7]) -> Vec<u8> {
    let mut builder = FlatBufferBuilder::new();
    let (mut buffers, mut offset, mut next) = (Vec::with_capacity(BUFFERS), 0usize, 0);
    for place in 0..BUFFERS {
        let length = if FILLED[next] == place { lengths[next] } else { 0 };
        buffers.push(Buffer::new(offset as i64, length as i64));
        if FILLED[next] == place {
            offset += length.next_multiple_of(ALIGNMENT);
            next += 1;
        }
    }
    let count = |node| if node == ITEMS { rows * width } else { rows };
    let nodes: Vec<FieldNode> = (0..NODES).map(|node| FieldNode::new(count(node) as i64, 0)).collect();
    let (buffers, nodes) = (builder.create_vector(&buffers), builder.create_vector(&nodes));
    let mut batch = RecordBatchBuilder::new(&mut builder);
    batch.add_length(rows as i64);
    batch.add_nodes(nodes);
    batch.add_buffers(buffers);
    let batch = batch.finish().as_union_value();
    let mut message = MessageBuilder::new(&mut builder);
    message.add_version(MetadataVersion::V5);
    message.add_header_type(MessageHeader::RecordBatch);
    message.add_header(batch);
    message.add_bodyLength(offset as i64);
    let message = message.finish();
    builder.finish(message, None);
    framed(builder.finished_data())
}

/// A message's metadata with what goes before it, filled up so that the body is aligned.
pub(crate) fn framed(metadata: &[u8]) -> Vec<u8> {
    let length = (8 + metadata.len()).next_multiple_of(ALIGNMENT);
    let mut bytes = Vec::with_capacity(length);
    bytes.extend_from_slice(&[0xff; 4]);
    bytes.extend_from_slice(&((length - 8) as u32).to_le_bytes());
    bytes.extend_from_slice(metadata);
    bytes.resize(length, 0);
    bytes
}
