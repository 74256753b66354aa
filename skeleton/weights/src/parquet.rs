//! Parquet in and out, for interchange: the tensors of a model as a table that any data tool reads. Nothing is used in
//! place here; what is read is checked and written anew as our own file.
//!
//! One row a tensor: name, shape, dtype, scheme, packed, scales, checksum, as in our own file but without padding; its
//! keys and values are the file's metadata. Uncompressed, for codes do not shrink. Source: Apache Parquet, "File format",
//! nested encoding by repetition and definition levels.
use crate::atomic;
use crate::tensor::{Dtype, Tensor};
use crate::writer::checksum;
use crate::{FORMAT, Part, Weights, Writer};
use ::parquet::basic::{Compression, Type};
use ::parquet::column::reader::{ColumnReaderImpl, get_typed_column_reader};
use ::parquet::data_type::{ByteArray, ByteArrayType, DataType, Int32Type, Int64Type};
use ::parquet::errors::{ParquetError, Result};
use ::parquet::file::metadata::{ColumnChunkMetaData, KeyValue};
use ::parquet::file::properties::{EnabledStatistics, WriterProperties};
use ::parquet::file::reader::{FileReader, RowGroupReader, SerializedFileReader};
use ::parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use ::parquet::schema::parser::parse_message_type;
use foundation::{Fault, Outcome};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::panic::catch_unwind;
use std::path::Path;
use std::sync::Arc;

const SCHEMA: &str = "message weights {
    required binary name (STRING);
    required group shape (LIST) { repeated group list { required int64 element (INTEGER(64, false)); } }
    required binary dtype (STRING);
    required binary scheme (STRING);
    required binary packed;
    required binary scales;
    required int32 checksum (INTEGER(32, false));
}";
const COLUMNS: [(&str, Type); 7] = [
    ("name", Type::BYTE_ARRAY),
    ("shape", Type::INT64),
    ("dtype", Type::BYTE_ARRAY),
    ("scheme", Type::BYTE_ARRAY),
    ("packed", Type::BYTE_ARRAY),
    ("scales", Type::BYTE_ARRAY),
    ("checksum", Type::INT32),
];
const SHAPE: usize = 1;

/// Write all tensors of an open file to a Parquet file, whole or not at all; gives its bytes.
///
/// Holds one tensor beside the map. Errors: `Unsupported` for a tensor of 2 GiB or more, `Io`.
pub fn write(weights: &Weights, path: impl AsRef<Path>) -> Outcome<u64> {
    let path = path.as_ref();
    for tensor in weights.tensors() {
        if tensor.packed.len() > i32::MAX as usize {
            let what = format!("tensor {:?} of {} bytes in Parquet", tensor.name, tensor.packed.len());
            return Err(Fault::Unsupported { what, instead: "use safetensors or our own file".into() });
        }
    }
    atomic::replace(path, |file| write_rows(file, weights).map_err(|error| told(path, error)))?;
    std::fs::metadata(path).map(|found| found.len()).map_err(|error| Fault::io(path, error))
}

fn write_rows(file: &mut BufWriter<File>, weights: &Weights) -> Result<()> {
    let pairs = weights.metadata().iter().map(|(key, value)| KeyValue::new(key.clone(), value.clone()));
    let pairs = pairs.chain([KeyValue::new("format".into(), FORMAT.to_string())]).collect();
    let properties = WriterProperties::builder()
        .set_dictionary_enabled(false)
        .set_statistics_enabled(EnabledStatistics::None)
        .set_compression(Compression::UNCOMPRESSED)
        .set_key_value_metadata(Some(pairs))
        .build();
    let mut writer = SerializedFileWriter::new(file, Arc::new(parse_message_type(SCHEMA)?), Arc::new(properties))?;
    for tensor in weights.tensors() {
        let mut group = writer.next_row_group()?;
        write_row(&mut group, &tensor)?;
        group.close()?;
    }
    writer.close().map(drop)
}

fn write_row<W: Write + Send>(group: &mut SerializedRowGroupWriter<'_, W>, tensor: &Tensor<'_>) -> Result<()> {
    let bytes = |bytes: &[u8]| ByteArray::from(bytes.to_vec());
    put::<ByteArrayType, W>(group, &[bytes(tensor.name.as_bytes())], None)?;
    let shape: Vec<i64> = tensor.shape.iter().map(|size| size.cast_signed()).collect();
    // A size that is there is level 1; an empty list is one level 0 without a value.
    let definition = if shape.is_empty() { vec![0] } else { vec![1; shape.len()] };
    let repetition: Vec<i16> = (0..definition.len()).map(|place| i16::from(place > 0)).collect();
    put::<Int64Type, W>(group, &shape, Some((&definition, &repetition)))?;
    for text in [tensor.dtype.name(), tensor.scheme] {
        put::<ByteArrayType, W>(group, &[bytes(text.as_bytes())], None)?;
    }
    put::<ByteArrayType, W>(group, &[bytes(tensor.packed)], None)?;
    put::<ByteArrayType, W>(group, &[bytes(tensor.scales)], None)?;
    put::<Int32Type, W>(group, &[checksum(tensor.packed, tensor.scales).cast_signed()], None)
}

fn put<T: DataType, W: Write + Send>(
    group: &mut SerializedRowGroupWriter<'_, W>,
    values: &[T::T],
    levels: Option<(&[i16], &[i16])>,
) -> Result<()> {
    let mut column = group.next_column()?.ok_or_else(|| odd("a column too many".into()))?;
    column.typed::<T>().write_batch(values, levels.map(|l| l.0), levels.map(|l| l.1))?;
    column.close()
}

/// The tensors of a Parquet file with the columns above, checked and ready to be written as our own file.
///
/// Holds all of them in memory, and one twice. Errors: `Corrupt` for what is not such a file (other columns, nulls,
/// compression, a checksum that is another), `Io`, those of `Writer::add`.
pub fn read(path: impl AsRef<Path>) -> Outcome<Writer> {
    let path = path.as_ref();
    let file = File::open(path).map_err(|error| Fault::io(path, error))?;
    // The crate is not ours: where it panics on a hostile file, the file is damaged, and nothing of ours is half done.
    let read = catch_unwind(|| read_rows(path, file));
    read.unwrap_or_else(|_| Err(Fault::corrupt(path, 0, "the Parquet reader gave up on it")))
}

fn read_rows(path: &Path, file: File) -> Outcome<Writer> {
    let at = |error| told(path, error);
    let reader = SerializedFileReader::new(file).map_err(at)?;
    check(&reader).map_err(at)?;
    let mut writer = Writer::new();
    let pairs = reader.metadata().file_metadata().key_value_metadata().into_iter().flatten();
    // pyarrow keeps a schema of its own beside ours.
    for pair in pairs.filter(|pair| pair.key != "format" && pair.key != "ARROW:schema") {
        writer.metadata(&pair.key, pair.value.as_deref().unwrap_or_default())?;
    }
    for index in 0..reader.num_row_groups() {
        let group = reader.get_row_group(index).map_err(at)?;
        let mut rows = Rows::of(&*group).map_err(at)?;
        for _ in 0..group.metadata().num_rows() {
            rows.add_next(&mut writer).map_err(at)??;
        }
    }
    Ok(writer)
}

/// Refuse other columns, and compression, which could make a small file into a large one.
fn check(reader: &SerializedFileReader<File>) -> Result<()> {
    let columns = reader.metadata().file_metadata().schema_descr().columns();
    let found: Vec<(&str, Type)> = columns.iter().map(|c| (c.path().parts()[0].as_str(), c.physical_type())).collect();
    let flat = columns.iter().enumerate().all(|(place, c)| c.max_rep_level() == i16::from(place == SHAPE));
    if found != COLUMNS || !flat {
        return Err(odd(format!("the columns are {found:?}, not {COLUMNS:?}")));
    }
    let mut chunks = reader.metadata().row_groups().iter().flat_map(|group| group.columns());
    let starts = |c: &ColumnChunkMetaData| [c.data_page_offset(), c.dictionary_page_offset().unwrap_or(0)];
    if chunks.clone().any(|chunk| chunk.compressed_size() < 0 || starts(chunk).into_iter().any(|start| start < 0)) {
        return Err(odd("a column that begins or ends before the file".into()));
    }
    match chunks.find(|chunk| chunk.compression() != Compression::UNCOMPRESSED) {
        Some(chunk) => Err(odd(format!("compressed by {}; write it without compression", chunk.compression()))),
        None => Ok(()),
    }
}

/// The columns of a row group, read a row at a time: a dictionary could make one tensor into a million rows, but no two
/// tensors have one name.
struct Rows {
    texts: Vec<Column<ByteArrayType>>,
    shape: Column<Int64Type>,
    checksum: Column<Int32Type>,
}

impl Rows {
    fn of(group: &dyn RowGroupReader) -> Result<Self> {
        let texts = [0, 2, 3, 4, 5].into_iter().map(|place| Column::of(group, place)).collect::<Result<_>>()?;
        Ok(Self { texts, shape: Column::of(group, SHAPE)?, checksum: Column::of(group, 6)? })
    }

    fn add_next(&mut self, writer: &mut Writer) -> Result<Outcome<()>> {
        let texts = self.texts.iter_mut().map(Column::one).collect::<Result<Vec<_>>>()?;
        let [name, dtype, scheme, packed, scales] = &texts[..] else { return Err(odd("columns are missing".into())) };
        let (name, dtype, scheme) = (name.as_utf8()?, dtype.as_utf8()?, scheme.as_utf8()?);
        let shape: Vec<u64> = self.shape.next()?.into_iter().map(i64::cast_unsigned).collect();
        let stated = self.checksum.one()?.cast_unsigned();
        let (packed, scales) = (packed.data(), scales.data());
        let found = checksum(packed, scales);
        if found != stated {
            return Err(odd(format!("tensor {name:?} has the checksum {found:08x}, not {stated:08x}")));
        }
        let part = |dtype| Part { name, shape: &shape, dtype, scheme, packed, scales };
        Ok(Dtype::parse(dtype).and_then(|dtype| writer.add(part(dtype))))
    }
}

struct Column<T: DataType> {
    reader: ColumnReaderImpl<T>,
    /// The level of a value that is there.
    full: i16,
}

impl<T: DataType> Column<T> {
    fn of(group: &dyn RowGroupReader, place: usize) -> Result<Self> {
        let full = group.metadata().column(place).column_descr().max_def_level();
        Ok(Self { reader: get_typed_column_reader(group.get_column_reader(place)?), full })
    }

    /// The values of the next row. An empty list has one level and no value.
    fn next(&mut self) -> Result<Vec<T::T>> {
        let (mut values, mut definition, mut repetition) = (Vec::new(), Vec::new(), Vec::new());
        let (records, found, levels) =
            self.reader.read_records(1, Some(&mut definition), Some(&mut repetition), &mut values)?;
        let there = definition.iter().filter(|level| **level == self.full).count();
        let whole = self.full == 0 || there == found && (found == levels || levels == 1 && found == 0);
        if records != 1 || !whole {
            return Err(odd("a column has nulls or too few rows".into()));
        }
        Ok(values)
    }

    /// The one value of the next row.
    fn one(&mut self) -> Result<T::T> {
        self.next()?.pop().ok_or_else(|| odd("a column with a null".into()))
    }
}

fn odd(why: String) -> ParquetError {
    ParquetError::General(why)
}

/// What the crate says, as a fault: of the disk, or of the file.
fn told(path: &Path, error: ParquetError) -> Fault {
    match error {
        ParquetError::External(inner) => match inner.downcast::<std::io::Error>() {
            Ok(error) => Fault::io(path, *error),
            Err(other) => Fault::corrupt(path, 0, format!("Parquet: {other}")),
        },
        other => Fault::corrupt(path, 0, format!("Parquet: {other}")),
    }
}
