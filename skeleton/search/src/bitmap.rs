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
        let word = |part: &[bool]| part.iter().enumerate().fold(0, |word, (i, &bit)| word | u64::from(bit) << i);
        Self { words: allowed.chunks(64).map(word).collect(), len: allowed.len() }
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

    /// More rows, not in the set; no fewer than there are.
    pub(crate) fn extend_to(&mut self, len: usize) {
        self.len = self.len.max(len);
        self.words.resize(self.len.div_ceil(64), 0);
    }

    /// The rows that are not in this set, and in `allow` where it is given, which is as long.
    pub(crate) fn complement(&self, allow: Option<&Self>) -> Self {
        let mut all = Self::all(self.len);
        all.words.iter_mut().zip(&self.words).for_each(|(word, out)| *word &= !out);
        if let Some(allow) = allow {
            all.words.iter_mut().zip(&allow.words).for_each(|(word, allow)| *word &= allow);
        }
        all
    }

    /// Eight rows a byte, the first in the lowest bit; whole words, so more bytes than are needed may come.
    pub(crate) fn bytes(&self) -> impl Iterator<Item = u8> {
        self.words.iter().flat_map(|word| word.to_le_bytes())
    }

    /// What `bytes` gave, as many as there are with zeros behind them; `None` where a row past the end is in the set.
    pub(crate) fn from_bytes(bytes: &[u8], len: usize) -> Option<Self> {
        let mut bitmap = Self::none(len);
        for (place, &byte) in bytes.iter().enumerate().filter(|(_, byte)| **byte != 0) {
            *bitmap.words.get_mut(place / 8)? |= u64::from(byte) << (place % 8 * 8);
        }
        let past = Self::all(len).words.last().copied().unwrap_or(0);
        bitmap.words.last().is_none_or(|last| last & !past == 0).then_some(bitmap)
    }

    /// How many rows there are, in the set or not.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no rows at all.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The rows that are in, in rising order.
    pub fn rows(&self) -> impl Iterator<Item = usize> {
        self.words.iter().enumerate().flat_map(|(place, &word)| {
            let bits = std::iter::successors(Some(word), |word| word.checked_sub(1).map(|less| word & less))
                .take_while(|word| *word != 0);
            bits.map(move |word| place * 64 + word.trailing_zeros() as usize)
        })
    }

    /// How many rows are in.
    pub fn count(&self) -> usize {
        self.words.iter().map(|word| word.count_ones() as usize).sum()
    }
}
