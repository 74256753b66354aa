//! Remembers the ids of words: a bounded cache whose content changes no result. Merges nothing.
use crate::split::Window;

/// Words of up to this many bytes are keys by themselves.
pub(crate) const SHORT: usize = 15;
/// Longer words than this are not remembered.
const LONG: usize = 64;
/// The ids that a short word may have here.
pub(crate) const FEW: usize = 4;
const MANY: usize = 24;
const BUCKETS: usize = 1 << 14;
const LONG_SLOTS: usize = 1 << 12;
const SPREAD: u64 = 0x9E37_79B9_7F4A_7C15;
const OTHER_SPREAD: u64 = 0xD6E8_FEB8_6659_FD93;

#[inline(always)]
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}

/// A number for any bytes; equal bytes have equal numbers, on every machine and in every run.
pub(crate) fn hash(bytes: &[u8]) -> u64 {
    let start = fold(bytes.len() as u64 ^ SPREAD, OTHER_SPREAD);
    let (whole, rest) = bytes.as_chunks::<8>();
    let middle = whole.iter().fold(start, |sum, eight| fold(sum ^ u64::from_le_bytes(*eight), SPREAD));
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    fold(middle ^ u64::from_le_bytes(last), OTHER_SPREAD)
}

/// A word of at most 15 bytes as a number: its bytes, and in the last byte its length.
#[derive(Clone, Copy)]
pub(crate) struct Key {
    low: u64,
    high: u64,
}

impl Key {
    /// The key of the first `length` bytes of a window that holds no others.
    #[inline(always)]
    pub(crate) fn new(word: Window, length: usize) -> Self {
        Self { low: word.low, high: word.high | (length as u64) << 56 }
    }

    #[inline(always)]
    fn bucket(self) -> usize {
        (fold(self.low ^ SPREAD, self.high ^ OTHER_SPREAD) >> 20) as usize % BUCKETS
    }
}

/// Two words in one line of the processor's cache. `high` holds the count of ids in its highest four bits.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct Bucket {
    low: [u64; 2],
    high: [u64; 2],
    ids: [[u32; FEW]; 2],
}

const EMPTY: Bucket = Bucket { low: [0; 2], high: [0; 2], ids: [[0; FEW]; 2] };

#[derive(Clone, Copy)]
struct LongSlot {
    hash: u64,
    length: u8,
    count: u8,
    word: [u8; LONG],
    ids: [u32; MANY],
}

const NO_WORD: LongSlot = LongSlot { hash: 0, length: 0, count: 0, word: [0; LONG], ids: [0; MANY] };

/// The cache of one thread: at most 1.7 MiB. A new word takes the place of an older one.
pub(crate) struct Words {
    buckets: Box<[Bucket]>,
    long: Vec<LongSlot>,
}

impl Words {
    pub(crate) fn new() -> Self {
        Self { buckets: vec![EMPTY; BUCKETS].into(), long: Vec::new() }
    }

    /// The ids of a short word and their count.
    #[inline(always)]
    pub(crate) fn get(&self, key: Key) -> Option<(&[u32; FEW], usize)> {
        let bucket = &self.buckets[key.bucket()];
        let apart = |way: usize| ((bucket.high[way] ^ key.high) << 4) | (bucket.low[way] ^ key.low);
        let (first, second) = (apart(0), apart(1));
        if first != 0 && second != 0 {
            return None;
        }
        let way = usize::from(first != 0);
        Some((&bucket.ids[way], (bucket.high[way] >> 60) as usize))
    }

    /// Remember a short word of 1 to `FEW` ids.
    pub(crate) fn put(&mut self, key: Key, ids: &[u32]) {
        let bucket = &mut self.buckets[key.bucket()];
        bucket.low[1] = bucket.low[0];
        bucket.high[1] = bucket.high[0];
        bucket.ids[1] = bucket.ids[0];
        bucket.low[0] = key.low;
        bucket.high[0] = key.high | (ids.len() as u64) << 60;
        bucket.ids[0][..ids.len()].copy_from_slice(ids);
    }

    /// The ids of a word of any length, by its `hash`.
    pub(crate) fn get_long(&self, word: &[u8], hash: u64) -> Option<&[u32]> {
        let slot = self.long.get(hash as usize % LONG_SLOTS)?;
        let same = slot.hash == hash && slot.word.get(..usize::from(slot.length)) == Some(word);
        same.then(|| &slot.ids[..usize::from(slot.count)])
    }

    /// Remember a word unless it or its ids are too long.
    pub(crate) fn put_long(&mut self, word: &[u8], hash: u64, ids: &[u32]) {
        if word.len() > LONG || ids.len() > MANY {
            return;
        }
        if self.long.is_empty() {
            self.long = vec![NO_WORD; LONG_SLOTS];
        }
        let slot = &mut self.long[hash as usize % LONG_SLOTS];
        (slot.hash, slot.length, slot.count) = (hash, word.len() as u8, ids.len() as u8);
        slot.word[..word.len()].copy_from_slice(word);
        slot.ids[..ids.len()].copy_from_slice(ids);
    }
}
