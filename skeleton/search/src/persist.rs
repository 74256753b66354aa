//! The codes as bytes and back, so that a store can be searched as soon as it is open. No files; hostile bytes are refused.
//!
//! Layout "aios-codes/1", little-endian: magic [16], width u32, metric u32, seed u64, rows u64; then of rows padded to
//! eight: signs (u64), factors (f32), offsets (f32, L2 only), INT8 codes moved up by 128 (u8), scales (f32); then the
//! CRC-32C of all before it (u32). Layout "aios-codes/2", written where rows were removed: after the scales, one bit a
//! padded row, the first in the lowest bit of the first byte, set where it was removed.
//! Layout "aios-codes/3", written where rows stand in groups: as 2, then grouped rows u64, groups u64, groups that a
//! quick and a careful search read u32 each; the row of each place u32, the end of each group u32, the centres f32.
use crate::bitmap::Bitmap;
use crate::codes::Codes;
use crate::flat::Metric;
use crate::groups::Groups;
use crate::quantised::{MOST_ROWS, Quantised};
use foundation::{Fault, Outcome};
use kernels::popcount::{BLOCK, Bytes, Words};

const MAGIC: &[u8; 16] = b"aios-codes/1\0\0\0\0";
const MAGIC_REMOVED: &[u8; 16] = b"aios-codes/2\0\0\0\0";
const MAGIC_GROUPS: &[u8; 16] = b"aios-codes/3\0\0\0\0";
const GROUPS_HEADER: usize = 8 + 8 + 4 + 4;
const HEADER: usize = MAGIC.len() + 4 + 4 + 8 + 8;
const METRICS: [Metric; 3] = [Metric::Cosine, Metric::InnerProduct, Metric::L2];

impl Quantised {
    /// The codes as bytes, the same on every machine. Cost: one pass and a checksum.
    pub fn to_bytes(&self) -> Vec<u8> {
        let codes = &self.codes;
        let mut bytes = Vec::with_capacity(HEADER + 4 + codes.signs.len() * 64 + codes.bytes.len() * 66);
        let removed = self.removed() > 0 || self.groups.is_some();
        bytes.extend_from_slice(match (&self.groups, removed) {
            (Some(_), _) => MAGIC_GROUPS,
            (None, true) => MAGIC_REMOVED,
            (None, false) => MAGIC,
        });
        bytes.extend_from_slice(&(self.width as u32).to_le_bytes());
        let metric = METRICS.iter().position(|metric| *metric == self.metric).unwrap_or_default();
        bytes.extend_from_slice(&(metric as u32).to_le_bytes());
        bytes.extend_from_slice(&self.seed.to_le_bytes());
        bytes.extend_from_slice(&(codes.rows as u64).to_le_bytes());
        codes.signs.iter().flat_map(|line| line.0).for_each(|word| bytes.extend_from_slice(&word.to_le_bytes()));
        for numbers in [&codes.factors, &codes.offsets] {
            numbers.iter().for_each(|x| bytes.extend_from_slice(&x.to_le_bytes()));
        }
        codes.bytes.iter().for_each(|line| bytes.extend_from_slice(&line.0));
        codes.scales.iter().for_each(|x| bytes.extend_from_slice(&x.to_le_bytes()));
        if removed {
            bytes.extend(self.removed.bytes().take(codes.rows.div_ceil(BLOCK)));
        }
        if let Some(groups) = &self.groups {
            write_groups(groups, &mut bytes);
        }
        bytes.extend_from_slice(&crc32c::crc32c(&bytes).to_le_bytes());
        bytes
    }

    /// The codes that `to_bytes` wrote; `Corrupt`, with `path` as the name of where they came from, for anything else.
    ///
    /// The length is checked against the header before anything of that size is made.
    pub fn from_bytes(bytes: &[u8], path: &std::path::Path) -> Outcome<Self> {
        let corrupt = |offset: usize, why: &str| Fault::corrupt(path, offset as u64, why);
        let end = bytes.len().checked_sub(4).filter(|end| *end >= HEADER);
        let end = end.ok_or_else(|| corrupt(bytes.len(), "shorter than a header and a checksum"))?;
        let mut reader = Reader { bytes: &bytes[..end] };
        let magic = reader.take(MAGIC.len());
        if ![MAGIC, MAGIC_REMOVED, MAGIC_GROUPS].iter().any(|known| magic == *known) {
            return Err(corrupt(0, "not codes of this version"));
        }
        if crc32c::crc32c(&bytes[..end]).to_le_bytes() != bytes[end..] {
            return Err(corrupt(end, "the checksum is another"));
        }
        let (width, metric) = (reader.word() as usize, reader.word() as usize);
        let (seed, rows) = (reader.long(), reader.long());
        let metric = *METRICS.get(metric).ok_or_else(|| corrupt(20, "a metric that is not known"))?;
        let mut quantised = Self::new(width, metric, seed).map_err(|_| corrupt(16, "a width out of range"))?;
        let rows = usize::try_from(rows).ok().filter(|rows| *rows <= MOST_ROWS);
        let rows = rows.ok_or_else(|| corrupt(32, "more rows than there can be"))?;
        let (padded, lines) = (rows.next_multiple_of(BLOCK), width.div_ceil(64));
        let row_bytes = lines * 72 + if metric == Metric::L2 { 12 } else { 8 };
        let bits = if magic == MAGIC { 0 } else { padded / BLOCK };
        let length = padded.checked_mul(row_bytes).and_then(|all| all.checked_add(bits));
        let fits =
            |length| if magic == MAGIC_GROUPS { length < reader.bytes.len() } else { length == reader.bytes.len() };
        if !length.is_some_and(fits) {
            return Err(corrupt(HEADER, "another length than the header says"));
        }
        let signs = reader.take(padded * lines * 8);
        let codes = Codes {
            rows,
            signs: signs.as_chunks::<64>().0.iter().map(words).collect(),
            factors: reader.numbers(padded),
            offsets: reader.numbers(if metric == Metric::L2 { padded } else { 0 }),
            bytes: reader.take(padded * lines * 64).as_chunks::<64>().0.iter().map(|line| Bytes(*line)).collect(),
            scales: reader.numbers(padded),
        };
        let mut numbers = codes.factors.iter().chain(&codes.offsets).chain(&codes.scales);
        if !numbers.all(|x| x.is_finite() && *x >= 0.0) {
            return Err(corrupt(HEADER, "a factor that is not finite or below 0"));
        }
        quantised.codes = codes;
        let bits = Bitmap::from_bytes(reader.take(bits), rows);
        quantised.removed = bits.ok_or_else(|| corrupt(end, "a row past the end was removed"))?;
        if magic == MAGIC_GROUPS {
            let groups = read_groups(&mut reader, rows, width);
            quantised.groups = Some(groups.ok_or_else(|| corrupt(end, "groups that cannot be"))?);
        }
        Ok(quantised)
    }
}

fn write_groups(groups: &Groups, bytes: &mut Vec<u8>) {
    bytes.extend_from_slice(&(groups.len() as u64).to_le_bytes());
    bytes.extend_from_slice(&(groups.ends.len() as u64).to_le_bytes());
    for numbers in [&groups.reads[..], &groups.rows, &groups.ends] {
        numbers.iter().for_each(|x| bytes.extend_from_slice(&x.to_le_bytes()));
    }
    groups.centres.iter().for_each(|x| bytes.extend_from_slice(&x.to_le_bytes()));
}

/// The groups at the end of the bytes; `None` for any that could not have been written.
fn read_groups(reader: &mut Reader<'_>, rows: usize, width: usize) -> Option<Groups> {
    let left = reader.bytes.len().checked_sub(GROUPS_HEADER)?;
    let (grouped, count) = (usize::try_from(reader.long()).ok()?, usize::try_from(reader.long()).ok()?);
    let reads = [reader.word(), reader.word()];
    let want = count.checked_mul(width)?.checked_add(count)?.checked_add(grouped)?.checked_mul(4)?;
    if grouped == 0 || grouped > rows || want != left || reads.iter().any(|&reads| reads as usize > count) {
        return None;
    }
    let (order, ends) = (reader.words(grouped), reader.words(count));
    let centres = reader.numbers(count * width);
    let mut seen = Bitmap::none(grouped);
    order.iter().try_for_each(|&row| seen.insert(row as usize)).ok()?;
    let whole = seen.count() == grouped && ends.is_sorted() && ends.last().is_some_and(|&end| end as usize == grouped);
    if !whole || !centres.iter().all(|x| x.is_finite()) {
        return None;
    }
    let mut groups = Groups { rows: order, places: Vec::new(), centres, ends, reads };
    groups.find_places();
    Some(groups)
}

fn words(bytes: &[u8; 64]) -> Words {
    let mut words = Words::default();
    words.0.iter_mut().zip(bytes.as_chunks::<8>().0).for_each(|(word, bytes)| *word = u64::from_le_bytes(*bytes));
    words
}

/// Bytes taken from the front; the lengths were checked before.
struct Reader<'a> {
    bytes: &'a [u8],
}

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.bytes.split_at(count.min(self.bytes.len()));
        self.bytes = rest;
        taken
    }

    fn word(&mut self) -> u32 {
        self.take(4).as_chunks::<4>().0.iter().fold(0, |_, bytes| u32::from_le_bytes(*bytes))
    }

    fn long(&mut self) -> u64 {
        self.take(8).as_chunks::<8>().0.iter().fold(0, |_, bytes| u64::from_le_bytes(*bytes))
    }

    fn words(&mut self, count: usize) -> Vec<u32> {
        self.take(count * 4).as_chunks::<4>().0.iter().map(|bytes| u32::from_le_bytes(*bytes)).collect()
    }

    fn numbers(&mut self, count: usize) -> Vec<f32> {
        self.take(count * 4).as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
    }
}
