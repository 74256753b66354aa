//! The table of tensors: its schema, and its rows checked one by one. Knows ranges of the file, hands out no bytes.
use crate::batch::{Columns, Numbers, Variable, wide};
use crate::footer::Parts;
use crate::scheme::plan;
use crate::tensor::Dtype;
use crate::{ALIGNMENT, FORMAT};
use arrow_ipc::{Endianness, Type};
use arrow_schema::{DataType, Field, FieldRef, Schema};
use crc32c::crc32c;
use std::collections::BTreeMap;
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

/// One tensor: where its name, shape and scheme lie in the table, and its bytes in the file.
pub(crate) struct Entry {
    name: Range<usize>,
    shape: Range<usize>,
    scheme: Range<usize>,
    pub(crate) dtype: Dtype,
    pub(crate) packed: Range<usize>,
    pub(crate) scales: Range<usize>,
    pub(crate) checksum: u32,
}

/// All tensors of a file in its order, and its metadata. What rows have of variable length lies together, so that
/// opening a file makes few allocations however many rows it has.
pub(crate) struct Table {
    pub(crate) entries: Vec<Entry>,
    pub(crate) metadata: BTreeMap<String, String>,
    names: String,
    shapes: Vec<u64>,
    schemes: String,
    /// For each row, in ascending order: the checksum of its name in the upper half, the row in the lower.
    order: Vec<u64>,
}

impl Table {
    /// The row of the tensor of that name. Costs a binary search.
    pub(crate) fn find(&self, name: &str) -> Option<&Entry> {
        let least = key(name);
        let from = self.order.partition_point(|&key| key < least);
        let alike = self.order[from..].iter().take_while(|&key| key >> 32 == least >> 32);
        alike.map(|&key| &self.entries[row(key)]).find(|entry| self.name(entry) == name)
    }

    pub(crate) fn name(&self, entry: &Entry) -> &str {
        &self.names[entry.name.clone()]
    }

    pub(crate) fn shape(&self, entry: &Entry) -> &[u64] {
        &self.shapes[entry.shape.clone()]
    }

    pub(crate) fn scheme(&self, entry: &Entry) -> &str {
        &self.schemes[entry.scheme.clone()]
    }

    /// Put the names in order; the row of a name that is there twice.
    fn sort(&mut self) -> Option<usize> {
        self.order.sort_unstable();
        // Checksums may be made to agree, so names that share one are sorted, never compared each with each.
        self.order.chunk_by(|a, b| a >> 32 == b >> 32).filter(|alike| alike.len() > 1).find_map(|alike| {
            let mut rows: Vec<usize> = alike.iter().copied().map(row).collect();
            rows.sort_unstable_by_key(|&row| (self.name(&self.entries[row]), row));
            let twice =
                rows.windows(2).find(|two| self.name(&self.entries[two[0]]) == self.name(&self.entries[two[1]]));
            twice.map(|two| two[1])
        })
    }
}

/// The least number in `Table::order` that a tensor of that name can have.
fn key(name: &str) -> u64 {
    u64::from(crc32c(name.as_bytes())) << 32
}

/// The row of a number in `Table::order`.
fn row(key: u64) -> usize {
    (key & u64::from(u32::MAX)) as usize
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
    let rows = u32::try_from(rows).map_err(|_| Wrong::at(parts.message_at, "too many rows"))?;
    let mut table = Table {
        entries: Vec::with_capacity(rows as usize),
        metadata,
        names: text(file, raw.name.all())?.to_owned(),
        shapes: raw.shape_items.iter().map(wide).collect(),
        schemes: text(file, raw.scheme.all())?.to_owned(),
        order: Vec::with_capacity(rows as usize),
    };
    for row in 0..rows {
        let entry = raw.entry(file, &table, row as usize)?;
        table.order.push(key(table.name(&entry)) | u64::from(row));
        table.entries.push(entry);
    }
    match table.sort() {
        None => Ok(table),
        Some(row) => {
            let name = table.name(&table.entries[row]);
            Err(Wrong::at(raw.name.row(row).start, format!("two tensors are named {name:?}")))
        }
    }
}

/// The columns as they lie in the file.
struct Raw<'a> {
    name: Variable<'a, 4>,
    shape_offsets: Numbers<'a, 4>,
    shape_items: Numbers<'a, 8>,
    dtype: Variable<'a, 4>,
    scheme: Variable<'a, 4>,
    bits: Numbers<'a, 1>,
    group: Numbers<'a, 4>,
    bytes: Numbers<'a, 8>,
    packed: Variable<'a, 8>,
    scales_bytes: Numbers<'a, 8>,
    scales: Variable<'a, 8>,
    checksum: Numbers<'a, 4>,
}

impl<'a> Raw<'a> {
    fn read(columns: &mut Columns<'a>, rows: usize) -> Result<Self, Wrong> {
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

    fn entry(&self, file: &[u8], table: &Table, row: usize) -> Result<Entry, Wrong> {
        let name_range = self.name.row(row);
        let name = part(&table.names, &self.name, row)?;
        if name_range.is_empty() || name_range.len() > 1024 {
            return Err(Wrong::at(name_range.start, format!("a tensor's name of {} bytes", name_range.len())));
        }
        let packed = self.packed.row(row);
        let wrong = |why: String| Wrong::at(packed.start, format!("tensor {:?}: {why}", &table.names[name.clone()]));
        let dtype = Dtype::parse(text(file, self.dtype.row(row))?).map_err(|fault| wrong(fault.to_string()))?;
        let scheme_range = part(&table.schemes, &self.scheme, row)?;
        let scheme = &table.schemes[scheme_range.clone()];
        let shape = wide(&self.shape_offsets[row]) as usize..wide(&self.shape_offsets[row + 1]) as usize;
        let plan = plan(&table.shapes[shape.clone()], dtype, scheme).map_err(wrong)?;
        if (self.bits[row][0], u32::from_le_bytes(self.group[row])) != (plan.bits, plan.group) {
            return Err(wrong(format!("bits and group are not those of the scheme {scheme}")));
        }
        let packed = padded(packed.clone(), self.bytes[row], plan.packed).map_err(wrong)?;
        let scales = padded(self.scales.row(row), self.scales_bytes[row], plan.scales).map_err(wrong)?;
        let checksum = u32::from_le_bytes(self.checksum[row]);
        Ok(Entry { name, shape, scheme: scheme_range, dtype, packed, scales, checksum })
    }
}

/// A row of a text column as a range of `all`, the text of all its rows.
fn part(all: &str, column: &Variable<'_, 4>, row: usize) -> Result<Range<usize>, Wrong> {
    let (first, range) = (column.all().start, column.row(row));
    let inside = range.start - first..range.end - first;
    match all.get(inside.clone()) {
        Some(_) => Ok(inside),
        None => Err(Wrong::at(range.start, "text that is not UTF-8")),
    }
}

/// The true bytes of a padded value: aligned, as long as the plan says, and padded to 64 and no further.
fn padded(range: Range<usize>, stated: [u8; 8], planned: u64) -> Result<Range<usize>, String> {
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

#[cfg(test)]
mod tests {
    use super::*;

    /// A table of tensors with these names and nothing else, sorted, and the row of a name that is there twice.
    fn table(names: &[&str]) -> (Table, Option<usize>) {
        let mut entries = Vec::new();
        let mut end = 0;
        for name in names {
            let part = end..end + name.len();
            end = part.end;
            let none = 0..0;
            let (shape, scheme, packed, scales) = (none.clone(), none.clone(), none.clone(), none);
            entries.push(Entry { name: part, shape, scheme, dtype: Dtype::F32, packed, scales, checksum: 0 });
        }
        let order = names.iter().enumerate().map(|(row, name)| key(name) | row as u64).collect();
        let mut table = Table {
            entries,
            metadata: BTreeMap::new(),
            names: names.concat(),
            shapes: Vec::new(),
            schemes: String::new(),
            order,
        };
        let twice = table.sort();
        (table, twice)
    }

    #[test]
    fn a_name_that_is_there_twice_is_found_whatever_stands_between() {
        assert_eq!(table(&["b", "a", "c", "a", "d"]).1, Some(3));
        assert_eq!(table(&["b", "a", "c", "ab", ""]).1, None);
    }

    #[test]
    fn names_whose_checksums_agree_are_told_apart() {
        // Among so many words of 16 letters some pair shares its checksum: the birthday paradox.
        let spread = |i: u64| (i.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 7).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let words: Vec<String> = (0..400_000).map(|i| format!("{:016x}", spread(i))).collect();
        let mut keys: Vec<(u64, usize)> = words.iter().enumerate().map(|(at, word)| (key(word), at)).collect();
        keys.sort_unstable();
        let pair = keys.windows(2).find(|two| two[0].0 == two[1].0);
        let Some(&[(_, first), (_, second)]) = pair else { panic!("no two words agree") };
        let (one, other) = (words[first].as_str(), words[second].as_str());
        let (alike, twice) = table(&["x", one, other]);
        assert_eq!(twice, None);
        assert_eq!(alike.find(one).map(|entry| alike.name(entry)), Some(one));
        assert_eq!(alike.find(other).map(|entry| alike.name(entry)), Some(other));
        assert_eq!(table(&[one, other, "x", one]).1, Some(3));
    }
}
