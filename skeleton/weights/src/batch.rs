//! The columns of the one record batch as plain ranges of bytes, each inside the body and apart from all others.
//!
//! Source: Apache Arrow, "Columnar format", buffer layouts; nodes and buffers come in depth-first order of the fields.
use crate::table::Wrong;
use arrow_ipc::RecordBatch;
use std::ops::Range;

/// Little-endian numbers of `WIDTH` bytes, where they lie in the file.
pub(crate) type Numbers<'a, const WIDTH: usize> = &'a [[u8; WIDTH]];

/// Walks the nodes and buffers of a record batch in the order of the schema.
pub(crate) struct Columns<'a> {
    file: &'a [u8],
    body: Range<usize>,
    batch: RecordBatch<'a>,
    node: usize,
    buffer: usize,
    /// Ranges in the file that were handed out, to be looked at for overlaps at the end.
    used: Vec<Range<usize>>,
}

/// A column of variable values: `offsets[i] .. offsets[i + 1]` of the range `values` is the value of row i. The offsets
/// are where they lie in the file, little-endian, `WIDTH` bytes each, one more than rows; checked already.
pub(crate) struct Variable<'a, const WIDTH: usize> {
    pub(crate) offsets: Numbers<'a, WIDTH>,
    pub(crate) values: Range<usize>,
}

impl<const WIDTH: usize> Variable<'_, WIDTH> {
    /// The value of a row as a range in the file. `row` is less than the number of rows.
    pub(crate) fn row(&self, row: usize) -> Range<usize> {
        let (start, end) = (wide(&self.offsets[row]), wide(&self.offsets[row + 1]));
        self.values.start + start as usize..self.values.start + end as usize
    }

    /// The values of all rows as one range in the file.
    pub(crate) fn all(&self) -> Range<usize> {
        let (start, end) = (self.offsets.first().map_or(0, wide), self.offsets.last().map_or(0, wide));
        self.values.start + start as usize..self.values.start + end as usize
    }
}

/// A little-endian number of at most eight bytes.
pub(crate) fn wide<const WIDTH: usize>(bytes: &[u8; WIDTH]) -> u64 {
    let mut eight = [0u8; 8];
    eight[..WIDTH].copy_from_slice(bytes);
    u64::from_le_bytes(eight)
}

impl<'a> Columns<'a> {
    pub(crate) fn new(file: &'a [u8], body: Range<usize>, batch: RecordBatch<'a>) -> Self {
        Self { file, body, batch, node: 0, buffer: 0, used: Vec::with_capacity(32) }
    }

    /// A column of fixed numbers of `WIDTH` bytes: its bytes, exactly `rows * WIDTH`.
    pub(crate) fn fixed<const WIDTH: usize>(&mut self, rows: usize) -> Result<Numbers<'a, WIDTH>, Wrong> {
        self.node(Some(rows))?;
        self.numbers(rows)
    }

    /// A column of strings or bytes whose offsets have `WIDTH` bytes (4 or 8).
    pub(crate) fn variable<const WIDTH: usize>(&mut self, rows: usize) -> Result<Variable<'a, WIDTH>, Wrong> {
        self.node(Some(rows))?;
        let offsets = self.offsets::<WIDTH>(rows)?;
        let values = self.take()?;
        self.inside(offsets, values.len())?;
        Ok(Variable { offsets, values })
    }

    /// A column of lists of u64: the offsets, and all items in one row.
    pub(crate) fn lists(&mut self, rows: usize) -> Result<(Numbers<'a, 4>, Numbers<'a, 8>), Wrong> {
        self.node(Some(rows))?;
        let offsets = self.offsets::<4>(rows)?;
        let items = self.node(None)?;
        self.inside(offsets, items)?;
        let items = self.numbers(items)?;
        Ok((offsets, items))
    }

    /// Refuses nodes or buffers that no column asked for, and buffers that share a byte.
    pub(crate) fn finish(mut self) -> Result<(), Wrong> {
        let nodes = self.batch.nodes().map_or(0, |n| n.len());
        let buffers = self.batch.buffers().map_or(0, |b| b.len());
        if nodes != self.node || buffers != self.buffer {
            return Err(Wrong::at(
                self.body.start,
                format!("{nodes} nodes and {buffers} buffers are not the schema's"),
            ));
        }
        self.used.sort_by_key(|range| (range.start, range.end));
        match self.used.windows(2).find(|pair| pair[0].end > pair[1].start) {
            Some(pair) => Err(Wrong::at(pair[1].start, "two buffers overlap")),
            None => Ok(()),
        }
    }

    /// The next node's length; it must have no nulls and, if given, exactly `rows` rows.
    fn node(&mut self, rows: Option<usize>) -> Result<usize, Wrong> {
        let nodes = self.batch.nodes().filter(|nodes| self.node < nodes.len());
        let node = nodes.ok_or_else(|| Wrong::at(self.body.start, "too few nodes for the schema"))?.get(self.node);
        self.node += 1;
        let length = usize::try_from(node.length()).ok().filter(|&n| rows.is_none_or(|rows| rows == n));
        let length = length.ok_or_else(|| Wrong::at(self.body.start, format!("a column of {} rows", node.length())))?;
        if node.null_count() != 0 {
            return Err(Wrong::at(self.body.start, "a column with nulls"));
        }
        // The validity buffer: empty, or all ones; with no nulls it says nothing.
        self.take()?;
        Ok(length)
    }

    /// The next buffer as a range in the file, inside the body.
    fn take(&mut self) -> Result<Range<usize>, Wrong> {
        let buffers = self.batch.buffers().filter(|buffers| self.buffer < buffers.len());
        let buffer =
            buffers.ok_or_else(|| Wrong::at(self.body.start, "too few buffers for the schema"))?.get(self.buffer);
        self.buffer += 1;
        let outside =
            || Wrong::at(self.body.start, format!("a buffer of {} at {} is outside", buffer.length(), buffer.offset()));
        let offset = usize::try_from(buffer.offset()).map_err(|_| outside())?;
        let length = usize::try_from(buffer.length()).map_err(|_| outside())?;
        let end = offset.checked_add(length).filter(|&end| end <= self.body.len()).ok_or_else(outside)?;
        let range = self.body.start + offset..self.body.start + end;
        if length > 0 {
            self.used.push(range.clone());
        }
        Ok(range)
    }

    fn numbers<const WIDTH: usize>(&mut self, count: usize) -> Result<Numbers<'a, WIDTH>, Wrong> {
        let range = self.take()?;
        let at = range.start;
        let bytes = count.checked_mul(WIDTH).and_then(|length| self.file[range].get(..length));
        let bytes = bytes.ok_or_else(|| Wrong::at(at, format!("a buffer too short for {count} numbers")))?;
        Ok(bytes.as_chunks::<WIDTH>().0)
    }

    /// `rows + 1` offsets that never fall; none at all is allowed where there are no rows.
    fn offsets<const WIDTH: usize>(&mut self, rows: usize) -> Result<Numbers<'a, WIDTH>, Wrong> {
        let at = self.body.start;
        let count = rows.checked_add(1).ok_or_else(|| Wrong::at(at, "too many rows"))?;
        let offsets = self.numbers::<WIDTH>(count)?;
        match offsets.windows(2).all(|pair| wide(&pair[0]) <= wide(&pair[1])) {
            true => Ok(offsets),
            false => Err(Wrong::at(at, "offsets that fall")),
        }
    }

    fn inside<const WIDTH: usize>(&self, offsets: &[[u8; WIDTH]], length: usize) -> Result<(), Wrong> {
        match offsets.last() {
            Some(last) if wide(last) <= length as u64 => Ok(()),
            _ => Err(Wrong::at(self.body.start, "offsets that reach out of their values")),
        }
    }
}
