//! Memories as a Parquet file, out and in again, for tools that read no Arrow streams. Knows no log.
//!
//! The same columns as in an Arrow stream; a vector is a LIST of floats. Reading goes by the crate's column readers, a
//! little at a time, and what they give is checked: nulls, lengths, numbers. Source: Apache Parquet, "File format",
//! nested encoding by repetition and definition levels (Melnik et al. 2010, "Dremel").
use crate::chunk::{Chunk, Rows};
use crate::columns::{EMBEDDER, NAMES};
use crate::commit::GATHERED_BYTES;
use crate::decode::bad_number;
use crate::exchange::{another_space, new_file};
use crate::memory::Space;
use crate::plan;
use crate::read;
use crate::snapshot::Snapshot;
use ::parquet::basic::{Compression, Type};
use ::parquet::column::reader::{ColumnReaderImpl, get_typed_column_reader};
use ::parquet::data_type::{
    ByteArray, ByteArrayType, DataType, DoubleType, FixedLenByteArray, FixedLenByteArrayType, FloatType,
};
use ::parquet::errors::{ParquetError, Result};
use ::parquet::file::metadata::{ColumnChunkMetaData, KeyValue, RowGroupMetaData};
use ::parquet::file::properties::{EnabledStatistics, WriterProperties};
use ::parquet::file::reader::{FileReader, RowGroupReader, SerializedFileReader};
use ::parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use ::parquet::schema::parser::parse_message_type;
use ::parquet::schema::types::{ColumnPath, SchemaDescriptor};
use foundation::{Fault, Outcome};
use std::fs::File;
use std::io::Read;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

/// How a Parquet file begins and ends.
const MAGIC: [u8; 4] = *b"PAR1";
const SCHEMA: &str = "message memories {
    required fixed_len_byte_array(16) id;
    required binary text (STRING);
    required group vector (LIST) { repeated group list { required float element; } }
    required double created_unix_s;
    required binary source (STRING);
}";
/// Memories that are written or read at once.
const AT_ONCE: usize = 512;
/// A file that claims to become more than so many times its length in memory is refused.
const LARGEST_GROWTH: u64 = 256;

/// Write all memories of `held` to a new file that only its owner may read.
///
/// Errors: `Conflict` when there is a file of that name; `Io`, with no file left behind.
pub(crate) fn write(path: &Path, held: &Snapshot, space: &Space) -> Outcome<()> {
    new_file(path, |file| write_groups(file, held, space).map_err(|error| told(path, error)))
}

fn write_groups(file: &mut File, held: &Snapshot, space: &Space) -> Result<()> {
    let plain = ColumnPath::from(vec!["vector".into(), "list".into(), "element".into()]);
    let properties = WriterProperties::builder()
        .set_dictionary_enabled(false)
        .set_statistics_enabled(EnabledStatistics::None)
        .set_compression(Compression::SNAPPY)
        .set_column_compression(plain, Compression::UNCOMPRESSED)
        .set_key_value_metadata(Some(vec![KeyValue::new(EMBEDDER.into(), space.embedder.clone())]))
        .build();
    let schema = Arc::new(parse_message_type(SCHEMA)?);
    let mut writer = SerializedFileWriter::new(file, schema, Arc::new(properties))?;
    for rows in plan::pieces(held, 0..held.len(), GATHERED_BYTES as u64) {
        let mut group = writer.next_row_group()?;
        let chunk = held.chunk(rows.clone());
        let ids: Vec<FixedLenByteArray> = chunk.ids.iter().map(|id| id.to_be_bytes().to_vec().into()).collect();
        let texts = |place: fn(&Chunk, usize) -> &str| -> Vec<ByteArray> {
            (0..chunk.len()).map(|row| ByteArray::from(place(&chunk, row).as_bytes().to_vec())).collect()
        };
        put::<FixedLenByteArrayType>(&mut group, &ids)?;
        put::<ByteArrayType>(&mut group, &texts(|chunk, row| chunk.texts.get(row).unwrap_or_default()))?;
        put_vectors(&mut group, held, rows)?;
        put::<DoubleType>(&mut group, &chunk.created_unix_s)?;
        put::<ByteArrayType>(&mut group, &texts(|chunk, row| chunk.sources.get(row).unwrap_or_default()))?;
        group.close()?;
    }
    writer.close().map(drop)
}

fn put<T: DataType>(group: &mut SerializedRowGroupWriter<'_, &mut File>, values: &[T::T]) -> Result<()> {
    let mut column = group.next_column()?.ok_or_else(|| ParquetError::General("a column too many".into()))?;
    column.typed::<T>().write_batch(values, None, None)?;
    column.close()
}

fn put_vectors(group: &mut SerializedRowGroupWriter<'_, &mut File>, held: &Snapshot, rows: Range<usize>) -> Result<()> {
    let mut column = group.next_column()?.ok_or_else(|| ParquetError::General("a column too many".into()))?;
    let numbers = AT_ONCE * held.width;
    // Every number is there; the first of each vector begins a row.
    let definition = vec![1i16; numbers];
    let repetition: Vec<i16> = (0..numbers).map(|place| i16::from(!place.is_multiple_of(held.width))).collect();
    for some in held.spans(rows).into_iter().flat_map(|span| span.chunks(numbers)) {
        let (definition, repetition) = (&definition[..some.len()], &repetition[..some.len()]);
        column.typed::<FloatType>().write_batch(some, Some(definition), Some(repetition))?;
    }
    column.close()
}

/// Whether a file begins as a Parquet file does.
pub(crate) fn is_one(path: &Path) -> Outcome<bool> {
    let mut first = Vec::new();
    let read = File::open(path).and_then(|file| file.take(MAGIC.len() as u64).read_to_end(&mut first));
    read.map_err(|error| Fault::io(path, error))?;
    Ok(first == MAGIC)
}

/// The memories in a file, a row group at a time, each checked.
///
/// Errors: `Corrupt` for anything but a whole file of these columns without nulls; `Conflict` when its vectors are of
/// another space; `Io`.
pub(crate) fn read(path: &Path, space: &Space) -> Outcome<Vec<Rows>> {
    let file = File::open(path).map_err(|error| Fault::io(path, error))?;
    let length = file.metadata().map_err(|error| Fault::io(path, error))?.len();
    // The crate is not ours: a panic of it on a hostile file is damage of the file, and nothing of ours is half done.
    let read = std::panic::catch_unwind(|| read_groups(path, file, length, space));
    read.unwrap_or_else(|_| Err(Fault::corrupt(path, 0, "its reader gave up on it")))
}

fn read_groups(path: &Path, file: File, length: u64, space: &Space) -> Outcome<Vec<Rows>> {
    let corrupt = |why: String| Fault::corrupt(path, 0, why);
    let reader = SerializedFileReader::new(file).map_err(|error| told(path, error))?;
    let metadata = reader.metadata().file_metadata();
    right_columns(metadata.schema_descr()).map_err(corrupt)?;
    let pairs = metadata.key_value_metadata().into_iter().flatten();
    let embedder = pairs.filter(|pair| pair.key == EMBEDDER).find_map(|pair| pair.value.as_deref());
    match embedder {
        Some(embedder) if embedder == space.embedder => {}
        Some(embedder) => return Err(another_space(path, embedder, space)),
        None => return Err(corrupt(format!("the file's metadata names no {EMBEDDER}"))),
    }
    let mut all = Vec::new();
    for group in 0..reader.num_row_groups() {
        let group = reader.get_row_group(group).map_err(|error| told(path, error))?;
        let rows = bounded(group.metadata(), length, space.width).map_err(corrupt)?;
        if rows > 0 {
            all.push(read_group(&*group, rows, space.width).map_err(|error| told(path, error))?);
        }
    }
    Ok(all)
}

/// The number of rows of a group, if it is not more than the file can hold.
fn bounded(group: &RowGroupMetaData, length: u64, width: usize) -> std::result::Result<usize, String> {
    let rows = usize::try_from(group.num_rows()).map_err(|_| "an impossible row count")?;
    // The crate takes it for granted that no start or length is negative, and stops the thread where one is.
    let starts = |c: &ColumnChunkMetaData| [c.data_page_offset(), c.dictionary_page_offset().unwrap_or(0)];
    let negative = |c: &ColumnChunkMetaData| c.compressed_size() < 0 || starts(c).into_iter().any(|start| start < 0);
    if group.columns().iter().any(negative) {
        return Err("a column with a negative start or length".into());
    }
    let bytes = (rows as u64).checked_mul(4 * width as u64 + 32).ok_or("an impossible row count")?;
    let claimed = group.columns().iter().map(|column| u64::try_from(column.uncompressed_size()).unwrap_or(u64::MAX));
    let claimed = claimed.fold(bytes, u64::saturating_add);
    if claimed > length.saturating_mul(LARGEST_GROWTH) {
        return Err(format!("{rows} memories and {claimed} bytes in a file of {length}"));
    }
    Ok(rows)
}

fn read_group(group: &dyn RowGroupReader, rows: usize, width: usize) -> Result<Rows> {
    let mut ids = Vec::new();
    for id in flat::<FixedLenByteArrayType>(group, 0, rows)? {
        let bytes: [u8; 16] = id.data().try_into().map_err(|_| odd("an id that is not 16 bytes"))?;
        ids.push(u128::from_be_bytes(bytes));
    }
    let texts = |column| -> Result<crate::chunk::Texts> {
        let values = flat::<ByteArrayType>(group, column, rows)?;
        values.iter().map(|text| text.as_utf8()).collect::<Result<_>>()
    };
    let vectors = vectors(group, rows, width)?;
    let created_unix_s = flat::<DoubleType>(group, 3, rows)?;
    let chunk = Chunk { ids, texts: texts(1)?, created_unix_s, sources: texts(4)? };
    chunk.check().map_err(|fault| odd(&fault.to_string()))?;
    match read::not_finite(&vectors) {
        Some(place) => Err(odd(&bad_number(&chunk, place, vectors[place], width))),
        None => Ok(Rows { chunk, vectors: vectors.into() }),
    }
}

/// A column of one value a row, none of them null.
fn flat<T: DataType>(group: &dyn RowGroupReader, column: usize, rows: usize) -> Result<Vec<T::T>> {
    let most = group.metadata().column(column).column_descr().max_def_level();
    let mut reader: ColumnReaderImpl<T> = get_typed_column_reader(group.get_column_reader(column)?);
    let (mut values, mut levels) = (Vec::new(), Vec::new());
    while values.len() < rows {
        levels.clear();
        let want = AT_ONCE.min(rows - values.len());
        let (records, found, _) = reader.read_records(want, Some(&mut levels), None, &mut values)?;
        if records == 0 || found != records || levels.iter().any(|level| *level != most) {
            return Err(odd(&format!("the column {:?} has nulls or too few rows", NAMES[column])));
        }
    }
    Ok(values)
}

/// The vectors, each as wide as it must be.
fn vectors(group: &dyn RowGroupReader, rows: usize, width: usize) -> Result<Vec<f32>> {
    let most = group.metadata().column(2).column_descr().max_def_level();
    let mut reader: ColumnReaderImpl<FloatType> = get_typed_column_reader(group.get_column_reader(2)?);
    let (mut values, mut definition, mut repetition) = (Vec::new(), Vec::new(), Vec::new());
    while values.len() < rows * width {
        definition.clear();
        repetition.clear();
        let (want, before) = (AT_ONCE.min(rows - values.len() / width), values.len());
        let (records, _, _) = reader.read_records(want, Some(&mut definition), Some(&mut repetition), &mut values)?;
        let regular = repetition.iter().enumerate().all(|(at, level)| (*level == 0) == at.is_multiple_of(width));
        let full = values.len() - before == records * width && definition.iter().all(|level| *level == most);
        if records == 0 || !full || !regular {
            return Err(odd(&format!("a vector that is not {width} numbers, or a missing one")));
        }
    }
    Ok(values)
}

fn right_columns(schema: &SchemaDescriptor) -> std::result::Result<(), String> {
    let types = [Type::FIXED_LEN_BYTE_ARRAY, Type::BYTE_ARRAY, Type::FLOAT, Type::DOUBLE, Type::BYTE_ARRAY];
    let found: Vec<&str> = schema.columns().iter().map(|column| column.path().parts()[0].as_str()).collect();
    if found != NAMES {
        return Err(format!("the columns are {found:?}, not {NAMES:?}"));
    }
    for (place, column) in schema.columns().iter().enumerate() {
        let width = place != 0 || column.type_length() == 16;
        let depth = column.max_rep_level() == i16::from(place == 2);
        if column.physical_type() != types[place] || !width || !depth {
            return Err(format!("the column {:?} is not of its type", NAMES[place]));
        }
    }
    Ok(())
}

fn odd(why: &str) -> ParquetError {
    ParquetError::General(why.to_owned())
}

/// What the crate says, as a fault: of the disk, or of the file.
fn told(path: &Path, error: ParquetError) -> Fault {
    match error {
        ParquetError::External(inner) => match inner.downcast::<std::io::Error>() {
            Ok(error) => Fault::io(path, *error),
            Err(other) => Fault::corrupt(path, 0, other.to_string()),
        },
        other => Fault::corrupt(path, 0, other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_that_begins_before_the_file_is_refused_before_it_is_read() {
        let schema = Arc::new(SchemaDescriptor::new(Arc::new(parse_message_type(SCHEMA).unwrap())));
        let group = |data, dictionary| {
            let column = |(place, column): (usize, &Arc<_>)| {
                let builder = ColumnChunkMetaData::builder(Arc::clone(column));
                let builder = if place == 3 { builder.set_data_page_offset(data) } else { builder };
                builder.set_dictionary_page_offset(dictionary).build().unwrap()
            };
            let columns = schema.columns().iter().enumerate().map(column).collect();
            let group = RowGroupMetaData::builder(Arc::clone(&schema)).set_num_rows(2).set_column_metadata(columns);
            bounded(&group.build().unwrap(), 1000, 3)
        };
        assert_eq!(group(4, None), Ok(2));
        assert_eq!(group(4, Some(4)), Ok(2));
        assert!(group(-4, None).unwrap_err().contains("negative"));
        assert!(group(4, Some(i64::MIN)).unwrap_err().contains("negative"));
    }
}
