//! A set of rows, one bit each: the filter of a search. Knows nothing of vectors.
use foundation::{Fault, Outcome};

/// Rows 0 .. len, each in the set or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bitmap {
    words: Vec<u64>,
    len: usize,
}

impl Bitmap {
    /// A set over `len` rows with none in it.
    pub fn none(len: usize) -> Self {
        Self { words: vec![0; len.div_ceil(64)], len }
    }

    /// A set over `len` rows with all in it.
    pub fn all(len: usize) -> Self {
        let mut words = vec![u64::MAX; len.div_ceil(64)];
        if let (Some(last), past @ 1..) = (words.last_mut(), len % 64) {
            *last = u64::MAX >> (64 - past);
        }
        Self { words, len }
    }

    /// The set of the rows for which `allowed` is true.
    pub fn from_bools(allowed: &[bool]) -> Self {
        let mut bitmap = Self::none(allowed.len());
        for (row, _) in allowed.iter().enumerate().filter(|(_, allowed)| **allowed) {
            bitmap.words[row / 64] |= 1 << (row % 64);
        }
        bitmap
    }

    /// Put a row in; `OutOfRange` for a row past the end.
    pub fn insert(&mut self, row: usize) -> Outcome<()> {
        if row >= self.len {
            return Err(Fault::out_of_range("row of a bitmap", format!("0 .. {}", self.len), row));
        }
        self.words[row / 64] |= 1 << (row % 64);
        Ok(())
    }

    /// Whether a row is in; a row past the end is not.
    pub fn contains(&self, row: usize) -> bool {
        row < self.len && self.words[row / 64] >> (row % 64) & 1 == 1
    }

    /// Take a row out; `OutOfRange` for a row past the end.
    pub fn remove(&mut self, row: usize) -> Outcome<()> {
        if row >= self.len {
            return Err(Fault::out_of_range("row of a bitmap", format!("0 .. {}", self.len), row));
        }
        self.words[row / 64] &= !(1 << (row % 64));
        Ok(())
    }

    /// Eight rows a byte, the first in the lowest bit; whole words, so more bytes than are needed may come.
    pub(crate) fn bytes(&self) -> impl Iterator<Item = u8> {
        self.words.iter().flat_map(|word| word.to_le_bytes())
    }

    /// How many rows there are, in the set or not.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no rows at all.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// How many rows are in.
    pub fn count(&self) -> usize {
        self.words.iter().map(|word| word.count_ones() as usize).sum()
    }
}
