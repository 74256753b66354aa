//! Remembers the ids of words: a bounded cache whose content changes no result. Merges nothing.
use crate::split::Window;

/// Words of up to this many bytes are keys by themselves.
pub(crate) const SHORT: usize = 15;
/// Longer words than this are not remembered, nor those of as many ids.
const LONG: usize = 512;
/// The ids that a short word may have here.
pub(crate) const FEW: usize = 4;
const FIRST_BUCKETS: usize = 1 << 10;
const MOST_BUCKETS: usize = 1 << 15;
const FIRST_SLOTS: usize = 1 << 8;
const MOST_SLOTS: usize = 1 << 15;
/// The bytes of all long words together, and so many bytes of their ids.
const MOST_LONG: usize = 1 << 20;
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
#[derive(Clone, Copy, Default)]
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
    fn number(self) -> usize {
        (fold(self.low ^ SPREAD, self.high ^ OTHER_SPREAD) >> 20) as usize
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

/// A long word: where its bytes and its ids stand. `length` 0: none.
#[derive(Clone, Copy, Default)]
struct Slot {
    hash: u64,
    bytes: u32,
    ids: u32,
    length: u16,
    count: u16,
}

/// The cache of one thread: it grows with the words that it meets, to at most 8 MiB. A short word then takes the place
/// of an older one; when there is no more room for long words, they are all forgotten.
pub(crate) struct Words {
    buckets: Vec<Bucket>,
    /// Words that had to go since the table last grew.
    lost: usize,
    slots: Vec<Slot>,
    used: usize,
    bytes: Vec<u8>,
    ids: Vec<u32>,
}

impl Words {
    pub(crate) fn new() -> Self {
        let (slots, buckets) = (vec![Slot::default(); FIRST_SLOTS], vec![EMPTY; FIRST_BUCKETS]);
        Self { buckets, lost: 0, slots, used: 0, bytes: Vec::new(), ids: Vec::new() }
    }

    #[inline(always)]
    fn place(&self, key: Key) -> usize {
        key.number() & (self.buckets.len() - 1)
    }

    /// Bring the place of a word near; the number means nothing.
    #[inline(always)]
    pub(crate) fn touch(&self, key: Key) -> u64 {
        self.buckets[self.place(key)].low[0]
    }

    /// The ids of a short word and their count.
    #[inline(always)]
    pub(crate) fn get(&self, key: Key) -> Option<(&[u32; FEW], usize)> {
        let bucket = &self.buckets[self.place(key)];
        let apart = |way: usize| ((bucket.high[way] ^ key.high) << 4) | (bucket.low[way] ^ key.low);
        let second = usize::from(apart(1) == 0);
        // One branch on both: a branch on each would be guessed wrong for every word that stands second.
        if usize::from(apart(0) == 0) | second == 0 {
            return None;
        }
        Some((&bucket.ids[second], (bucket.high[second] >> 60) as usize))
    }

    /// Remember a short word of 1 to `FEW` ids.
    pub(crate) fn put(&mut self, key: Key, ids: &[u32]) {
        let mut all = [0; FEW];
        all[..ids.len()].copy_from_slice(ids);
        let high = key.high | (ids.len() as u64) << 60;
        self.lost += usize::from(self.enter(key.low, high, all));
        if self.lost > self.buckets.len() / 2 && self.buckets.len() < MOST_BUCKETS {
            self.lost = 0;
            let grown = vec![EMPTY; self.buckets.len() * 2];
            for old in std::mem::replace(&mut self.buckets, grown) {
                for way in [1, 0] {
                    if old.high[way] != 0 {
                        self.enter(old.low[way], old.high[way], old.ids[way]);
                    }
                }
            }
        }
    }

    /// Put a word first in its bucket; whether one had to go.
    fn enter(&mut self, low: u64, high: u64, ids: [u32; FEW]) -> bool {
        let place = self.place(Key { low, high: high & u64::MAX >> 4 });
        let bucket = &mut self.buckets[place];
        let lost = bucket.high[1] != 0;
        bucket.low = [low, bucket.low[0]];
        bucket.high = [high, bucket.high[0]];
        bucket.ids = [ids, bucket.ids[0]];
        lost
    }

    /// The ids of a word of any length, by its `hash`.
    pub(crate) fn get_long(&self, word: &[u8], hash: u64) -> Option<&[u32]> {
        let slot = self.slots[self.slot(word, hash)];
        let first = slot.ids as usize;
        (slot.length > 0).then(|| &self.ids[first..first + usize::from(slot.count)])
    }

    /// The slot of a word, or the free one where it would stand; half of them are free at least.
    fn slot(&self, word: &[u8], hash: u64) -> usize {
        let mut place = hash as usize & (self.slots.len() - 1);
        loop {
            let slot = self.slots[place];
            let first = slot.bytes as usize;
            let same = slot.hash == hash && self.bytes.get(first..first + usize::from(slot.length)) == Some(word);
            if slot.length == 0 || same {
                return place;
            }
            place = (place + 1) & (self.slots.len() - 1);
        }
    }

    /// Remember a word unless it or its ids are too long.
    pub(crate) fn put_long(&mut self, word: &[u8], hash: u64, ids: &[u32]) {
        if word.len() > LONG || ids.len() > LONG {
            return;
        }
        if self.used * 2 >= self.slots.len() || self.bytes.len() > MOST_LONG || self.ids.len() > MOST_LONG / 4 {
            self.make_room();
        }
        let place = self.slot(word, hash);
        let (length, count) = (word.len() as u16, ids.len() as u16);
        self.slots[place] = Slot { hash, bytes: self.bytes.len() as u32, ids: self.ids.len() as u32, length, count };
        self.used += 1;
        self.bytes.extend_from_slice(word);
        self.ids.extend_from_slice(ids);
    }

    #[cold]
    fn make_room(&mut self) {
        if self.slots.len() >= MOST_SLOTS || self.used * 2 < self.slots.len() {
            self.slots.fill(Slot::default());
            self.bytes.clear();
            self.ids.clear();
            self.used = 0;
            return;
        }
        let grown = vec![Slot::default(); self.slots.len() * 4];
        for old in std::mem::replace(&mut self.slots, grown).iter().filter(|slot| slot.length > 0) {
            let mut place = old.hash as usize & (self.slots.len() - 1);
            while self.slots[place].length > 0 {
                place = (place + 1) & (self.slots.len() - 1);
            }
            self.slots[place] = *old;
        }
    }
}
