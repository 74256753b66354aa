//! Builds a file of weights from tensors and puts it in place whole. Reads no file.
use crate::atomic;
use crate::scheme::plan;
use crate::table::arrow_schema;
use crate::tensor::Dtype;
use crate::{ALIGNMENT, FORMAT};
use arrow_array::builder::{ListBuilder, UInt64Builder};
use arrow_array::{ArrayRef, LargeBinaryArray, RecordBatch, StringArray, UInt8Array, UInt32Array, UInt64Array};
use arrow_buffer::{Buffer, MutableBuffer, OffsetBuffer, ScalarBuffer};
use arrow_ipc::MetadataVersion;
use arrow_ipc::writer::{FileWriter, IpcWriteOptions};
use foundation::{Fault, Outcome};
use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use std::sync::Arc;

/// One tensor to be written.
#[derive(Clone, Copy, Debug)]
pub struct Part<'a> {
    /// 1 to 1,024 bytes, unique in the file.
    pub name: &'a str,
    /// Its shape in weights; no size is 0.
    pub shape: &'a [u64],
    /// What `packed` is made of: u8 for INT2 and INT4, i8 for INT8.
    pub dtype: Dtype,
    /// "plain" or the name of a quantisation scheme.
    pub scheme: &'a str,
    /// The stored elements, little-endian.
    pub packed: &'a [u8],
    /// The f16 scales, little-endian; empty for "plain".
    pub scales: &'a [u8],
}

/// Gathers tensors in memory (once copied) and writes them all; the order is kept.
#[derive(Default)]
pub struct Writer {
    metadata: BTreeMap<String, String>,
    names: Vec<String>,
    taken: HashSet<String>,
    shapes: Vec<Vec<u64>>,
    dtypes: Vec<&'static str>,
    schemes: Vec<String>,
    bits: Vec<u8>,
    groups: Vec<u32>,
    checksums: Vec<u32>,
    packed: Column,
    scales: Column,
}

/// A column of bytes under construction: true lengths, and values padded to 64 bytes.
struct Column {
    lengths: Vec<u64>,
    offsets: Vec<i64>,
    values: MutableBuffer,
}

impl Default for Column {
    fn default() -> Self {
        Self { lengths: Vec::new(), offsets: vec![0], values: MutableBuffer::new(0) }
    }
}

impl Column {
    fn push(&mut self, bytes: &[u8]) {
        self.lengths.push(bytes.len() as u64);
        self.values.extend_from_slice(bytes);
        self.values.resize(self.values.len().next_multiple_of(ALIGNMENT), 0);
        self.offsets.push(self.values.len() as i64);
    }

    fn arrays(self) -> Outcome<(ArrayRef, ArrayRef)> {
        let offsets = OffsetBuffer::new(ScalarBuffer::from(self.offsets));
        let values = LargeBinaryArray::try_new(offsets, Buffer::from(self.values), None).map_err(arrow_bug)?;
        Ok((Arc::new(UInt64Array::from(self.lengths)), Arc::new(values)))
    }
}

impl Writer {
    /// A writer with no tensors.
    pub fn new() -> Self {
        Self::default()
    }

    /// Set a key of the schema's metadata; `format` is ours and is refused.
    pub fn metadata(&mut self, key: &str, value: &str) -> Outcome<()> {
        if key == "format" {
            return Err(Fault::out_of_range("metadata key", "any name but `format`", key));
        }
        self.metadata.insert(key.to_owned(), value.to_owned());
        Ok(())
    }

    /// Add a tensor, copying its bytes. Refuses what `Weights::open` would: a second tensor of the name (`Conflict`),
    /// lengths that do not follow from shape, type and scheme (`Shape`).
    pub fn add(&mut self, part: Part<'_>) -> Outcome<()> {
        if part.name.is_empty() || part.name.len() > 1024 {
            return Err(Fault::out_of_range("length of a tensor's name", "1 ..= 1024 bytes", part.name.len()));
        }
        let plan = plan(part.shape, part.dtype, part.scheme)
            .map_err(|why| Fault::shape(part.name, "one that its type and scheme allow", why))?;
        let (packed, scales) = (part.packed.len() as u64, part.scales.len() as u64);
        if (packed, scales) != (plan.packed, plan.scales) {
            let want = format!("{} bytes and {} bytes of scales", plan.packed, plan.scales);
            return Err(Fault::shape(part.name, want, format!("{packed} and {scales}")));
        }
        if !self.taken.insert(part.name.to_owned()) {
            return Err(Fault::conflict(
                format!("a tensor {:?} was already added", part.name),
                "give each its own name",
            ));
        }
        self.names.push(part.name.to_owned());
        self.shapes.push(part.shape.to_vec());
        self.dtypes.push(part.dtype.name());
        self.schemes.push(part.scheme.to_owned());
        self.bits.push(plan.bits);
        self.groups.push(plan.group);
        self.checksums.push(checksum(part.packed, part.scales));
        self.packed.push(part.packed);
        self.scales.push(part.scales);
        Ok(())
    }

    /// Write the file and put it in place of `path`, whole or not at all; gives its length in bytes.
    ///
    /// Equal tensors and metadata make equal files, byte for byte. Temporary file, sync, rename, sync of the folder.
    pub fn write(self, path: impl AsRef<Path>) -> Outcome<u64> {
        let path = path.as_ref();
        let batch = self.batch()?;
        atomic::replace(path, |file| {
            let refused = |e: arrow_schema::ArrowError| match e {
                arrow_schema::ArrowError::IoError(_, source) => Fault::io(path, source),
                other => arrow_bug(other),
            };
            let options = IpcWriteOptions::try_new(ALIGNMENT, false, MetadataVersion::V5).map_err(refused)?;
            let mut writer = FileWriter::try_new_with_options(file, &batch.schema(), options).map_err(refused)?;
            writer.write(&batch).map_err(refused)?;
            writer.finish().map_err(refused)
        })?;
        std::fs::metadata(path).map(|m| m.len()).map_err(|e| Fault::io(path, e))
    }

    fn batch(self) -> Outcome<RecordBatch> {
        let mut metadata = self.metadata;
        metadata.insert("format".into(), FORMAT.into());
        let mut shapes = ListBuilder::new(UInt64Builder::new()).with_field(crate::table::shape_item());
        for shape in &self.shapes {
            shapes.values().append_slice(shape);
            shapes.append(true);
        }
        let (packed_lengths, packed) = self.packed.arrays()?;
        let (scales_lengths, scales) = self.scales.arrays()?;
        let columns: Vec<ArrayRef> = vec![
            Arc::new(StringArray::from(self.names)),
            Arc::new(shapes.finish()),
            Arc::new(StringArray::from(self.dtypes)),
            Arc::new(StringArray::from(self.schemes)),
            Arc::new(UInt8Array::from(self.bits)),
            Arc::new(UInt32Array::from(self.groups)),
            packed_lengths,
            packed,
            scales_lengths,
            scales,
            Arc::new(UInt32Array::from(self.checksums)),
        ];
        RecordBatch::try_new(Arc::new(arrow_schema(metadata)), columns).map_err(arrow_bug)
    }
}

/// The CRC-32C of a tensor: its packed bytes, then its scales, without padding.
pub(crate) fn checksum(packed: &[u8], scales: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(packed), scales)
}

fn arrow_bug(error: arrow_schema::ArrowError) -> Fault {
    Fault::bug(format!("columns of weights make an Arrow file ({error})"))
}
