//! The table of tensors: its schema, and its rows checked one by one. Knows ranges of the file, hands out no bytes.
use crate::batch::{Columns, Variable};
use crate::footer::Parts;
use crate::scheme::plan;
use crate::tensor::Dtype;
use crate::{ALIGNMENT, FORMAT};
use arrow_ipc::{Endianness, Type};
use arrow_schema::{DataType, Field, FieldRef, Schema};
use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::str::from_utf8;
use std::sync::Arc;

/// What is wrong with a file, and at which byte.
#[derive(Debug)]
pub(crate) struct Wrong {
    pub(crate) offset: u64,
    pub(crate) why: String,
}

impl Wrong {
    pub(crate) fn at(offset: usize, why: impl Into<String>) -> Self {
        Self { offset: offset as u64, why: why.into() }
    }
}

/// One tensor: where its bytes lie in the file.
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) shape: Vec<u64>,
    pub(crate) dtype: Dtype,
    pub(crate) scheme: String,
    pub(crate) packed: Range<usize>,
    pub(crate) scales: Range<usize>,
    pub(crate) checksum: u32,
}

/// All tensors of a file in its order, and its metadata.
pub(crate) struct Table {
    pub(crate) entries: Vec<Entry>,
    pub(crate) index: HashMap<String, usize>,
    pub(crate) metadata: BTreeMap<String, String>,
}

const COLUMNS: [(&str, Type); 11] = [
    ("name", Type::Utf8),
    ("shape", Type::List),
    ("dtype", Type::Utf8),
    ("scheme", Type::Utf8),
    ("bits", Type::Int),
    ("group", Type::Int),
    ("bytes", Type::Int),
    ("packed", Type::LargeBinary),
    ("scales_bytes", Type::Int),
    ("scales", Type::LargeBinary),
    ("checksum", Type::Int),
];

/// The items of the column `shape`.
pub(crate) fn shape_item() -> FieldRef {
    Arc::new(Field::new("item", DataType::UInt64, false))
}

/// The schema as Arrow writes it.
pub(crate) fn arrow_schema(metadata: BTreeMap<String, String>) -> Schema {
    let field = |(name, kind): (&str, Type)| {
        let data = match (name, kind) {
            (_, Type::Utf8) => DataType::Utf8,
            (_, Type::List) => DataType::List(shape_item()),
            (_, Type::LargeBinary) => DataType::LargeBinary,
            ("bits", _) => DataType::UInt8,
            ("bytes" | "scales_bytes", _) => DataType::UInt64,
            _ => DataType::UInt32,
        };
        Field::new(name, data, false)
    };
    Schema::new_with_metadata(COLUMNS.map(field).to_vec(), metadata)
}

/// Check the schema and every row of the file, and say where each tensor lies.
pub(crate) fn read(file: &[u8], parts: &Parts<'_>) -> Result<Table, Wrong> {
    let metadata = schema(parts)?;
    let batch = parts.message.header_as_record_batch();
    let batch = batch.ok_or_else(|| Wrong::at(parts.message_at, "the message is no record batch"))?;
    if batch.compression().is_some() {
        return Err(Wrong::at(parts.message_at, "compressed columns cannot be used in place"));
    }
    let rows = usize::try_from(batch.length()).map_err(|_| Wrong::at(parts.message_at, "a negative row count"))?;
    let mut columns = Columns::new(file, parts.body.clone(), batch);
    let raw = Raw::read(&mut columns, rows)?;
    columns.finish()?;
    let mut table = Table { entries: Vec::with_capacity(rows), index: HashMap::with_capacity(rows), metadata };
    for row in 0..rows {
        let entry = raw.entry(file, row)?;
        if table.index.insert(entry.name.clone(), row).is_some() {
            return Err(Wrong::at(raw.name.row(row).start, format!("two tensors are named {:?}", entry.name)));
        }
        table.entries.push(entry);
    }
    Ok(table)
}

/// The columns as they lie in the file.
struct Raw {
    name: Variable,
    shape_offsets: Vec<u64>,
    shape_items: Vec<[u8; 8]>,
    dtype: Variable,
    scheme: Variable,
    bits: Vec<[u8; 1]>,
    group: Vec<[u8; 4]>,
    bytes: Vec<[u8; 8]>,
    packed: Variable,
    scales_bytes: Vec<[u8; 8]>,
    scales: Variable,
    checksum: Vec<[u8; 4]>,
}

impl Raw {
    fn read(columns: &mut Columns<'_>, rows: usize) -> Result<Self, Wrong> {
        let name = columns.variable::<4>(rows)?;
        let (shape_offsets, shape_items) = columns.lists(rows)?;
        Ok(Self {
            name,
            shape_offsets,
            shape_items,
            dtype: columns.variable::<4>(rows)?,
            scheme: columns.variable::<4>(rows)?,
            bits: columns.fixed::<1>(rows)?,
            group: columns.fixed::<4>(rows)?,
            bytes: columns.fixed::<8>(rows)?,
            packed: columns.variable::<8>(rows)?,
            scales_bytes: columns.fixed::<8>(rows)?,
            scales: columns.variable::<8>(rows)?,
            checksum: columns.fixed::<4>(rows)?,
        })
    }

    fn entry(&self, file: &[u8], row: usize) -> Result<Entry, Wrong> {
        let name = text(file, self.name.row(row))?;
        if name.is_empty() || name.len() > 1024 {
            return Err(Wrong::at(self.name.row(row).start, format!("a tensor's name of {} bytes", name.len())));
        }
        let at = self.packed.row(row).start;
        let wrong = |why: String| Wrong::at(at, format!("tensor {name:?}: {why}"));
        let dtype = Dtype::parse(text(file, self.dtype.row(row))?).map_err(|fault| wrong(fault.to_string()))?;
        let scheme = text(file, self.scheme.row(row))?;
        let items = self.shape_offsets[row] as usize..self.shape_offsets[row + 1] as usize;
        let shape: Vec<u64> = self.shape_items[items].iter().map(|item| u64::from_le_bytes(*item)).collect();
        let plan = plan(&shape, dtype, scheme).map_err(wrong)?;
        if (self.bits[row][0], u32::from_le_bytes(self.group[row])) != (plan.bits, plan.group) {
            return Err(wrong(format!("bits and group are not those of the scheme {scheme}")));
        }
        let packed = padded(&self.packed, row, self.bytes[row], plan.packed).map_err(wrong)?;
        let scales = padded(&self.scales, row, self.scales_bytes[row], plan.scales).map_err(wrong)?;
        let checksum = u32::from_le_bytes(self.checksum[row]);
        Ok(Entry { name: name.to_owned(), shape, dtype, scheme: scheme.to_owned(), packed, scales, checksum })
    }
}

/// The true bytes of a padded value: aligned, as long as the plan says, and padded to 64 and no further.
fn padded(column: &Variable, row: usize, stated: [u8; 8], planned: u64) -> Result<Range<usize>, String> {
    let range = column.row(row);
    let stated = u64::from_le_bytes(stated);
    if stated != planned {
        return Err(format!("{stated} bytes stated where shape and scheme make {planned}"));
    }
    if stated.checked_next_multiple_of(ALIGNMENT as u64) != Some(range.len() as u64) {
        return Err(format!("{} bytes stored where {stated} padded to 64 belong", range.len()));
    }
    if !range.start.is_multiple_of(ALIGNMENT) && !range.is_empty() {
        return Err(format!("byte {} is not at a multiple of 64", range.start));
    }
    Ok(range.start..range.start + stated as usize)
}

fn text(file: &[u8], range: Range<usize>) -> Result<&str, Wrong> {
    let at = range.start;
    from_utf8(&file[range]).map_err(|_| Wrong::at(at, "text that is not UTF-8"))
}

/// Refuses any schema but ours; gives its metadata without `format`.
fn schema(parts: &Parts<'_>) -> Result<BTreeMap<String, String>, Wrong> {
    let wrong = |why: String| Wrong::at(parts.footer_at, why);
    let schema = parts.footer.schema().ok_or_else(|| wrong("no schema".into()))?;
    if schema.endianness() != Endianness::Little {
        return Err(wrong("big-endian numbers".into()));
    }
    let mut metadata = BTreeMap::new();
    for pair in schema.custom_metadata().iter().flatten() {
        metadata.insert(pair.key().unwrap_or_default().to_owned(), pair.value().unwrap_or_default().to_owned());
    }
    match metadata.remove("format") {
        Some(format) if format == FORMAT => {}
        format => return Err(wrong(format!("the format is {format:?}, not {FORMAT:?}"))),
    }
    let fields: Vec<_> = schema.fields().iter().flatten().collect();
    if fields.len() != COLUMNS.len() {
        return Err(wrong(format!("{} columns, not {}", fields.len(), COLUMNS.len())));
    }
    for (field, (name, kind)) in fields.iter().zip(COLUMNS) {
        let item = field.children().filter(|children| children.len() == 1).map(|children| children.get(0));
        let fits = match kind {
            Type::List => item.is_some_and(|item| is_unsigned(&item, 64)),
            Type::Int => is_unsigned(field, bits_of(name)),
            _ => true,
        };
        if field.name() != Some(name) || field.type_type() != kind || field.dictionary().is_some() || !fits {
            return Err(wrong(format!("the column {:?} where {name} of {kind:?} belongs", field.name())));
        }
    }
    Ok(metadata)
}

fn bits_of(column: &str) -> i32 {
    match column {
        "bits" => 8,
        "bytes" | "scales_bytes" => 64,
        _ => 32,
    }
}

fn is_unsigned(field: &arrow_ipc::Field<'_>, bits: i32) -> bool {
    field.type_as_int().is_some_and(|int| !int.is_signed() && int.bitWidth() == bits) && field.dictionary().is_none()
}
