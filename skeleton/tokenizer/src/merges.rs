//! Merges the bytes of one word by rank. Knows neither text nor cache.
//!
//! Source: Sennrich et al. 2016, arXiv:1508.07909: of all neighbours that a merge joins, the lowest rank goes first, of
//! equal ones the leftmost.
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// No merge joins these two.
const NONE: u64 = u64::MAX;
/// Words up to this many bytes are merged without a heap.
const SHORT: usize = 64;
/// Bits of the filter: 128 KiB.
const FILTER_BITS: usize = 1 << 20;
const SPREAD: u64 = 0x9E37_79B9_7F4A_7C15;

#[derive(Clone, Copy)]
struct Slot {
    pair: u64,
    value: u64,
}

/// All merges: two ids to a rank and the id that they make, packed as `rank << 32 | id`.
pub(crate) struct Merges {
    /// A bit for each pair, by the highest bits of its number: most pairs are told apart here, in a table that stays near.
    filter: Box<[u64]>,
    slots: Box<[Slot]>,
    shift: u32,
    byte_ids: [u32; 256],
    /// The merges of two single bytes, by `first << 8 | second`.
    byte_pairs: Box<[u64]>,
}

impl Merges {
    /// From `(left, right, made)` by rising rank; where a pair stands twice its later rank holds.
    pub(crate) fn new(byte_ids: [u32; 256], merges: &[(u32, u32, u32)]) -> Self {
        let size = (merges.len() * 3 / 2).next_power_of_two().max(16);
        let empty = Slot { pair: NONE, value: NONE };
        let shift = 64 - size.trailing_zeros();
        let byte_pairs = vec![NONE; 1 << 16].into();
        let filter = vec![0; FILTER_BITS / 64].into();
        let mut built = Self { filter, slots: vec![empty; size].into(), shift, byte_ids, byte_pairs };
        for (rank, &(left, right, made)) in (0u64..).zip(merges) {
            let pair = pair(left, right);
            let bit = filter_bit(pair);
            built.filter[bit / 64] |= 1 << (bit % 64);
            let index = built.find(pair);
            built.slots[index] = Slot { pair, value: rank << 32 | u64::from(made) };
        }
        for first in 0..256 {
            for second in 0..256 {
                built.byte_pairs[first << 8 | second] = built.get(byte_ids[first], byte_ids[second]);
            }
        }
        built
    }

    /// The place of a pair, or the free one where it would stand. A third of the places is free at least.
    #[inline(always)]
    fn find(&self, pair: u64) -> usize {
        let mask = self.slots.len() - 1;
        let mut index = (pair.wrapping_mul(SPREAD) >> self.shift) as usize & mask;
        while self.slots[index].pair != pair && self.slots[index].pair != NONE {
            index = (index + 1) & mask;
        }
        index
    }

    #[inline(always)]
    fn get(&self, left: u32, right: u32) -> u64 {
        let pair = pair(left, right);
        let bit = filter_bit(pair);
        if self.filter[bit / 64] >> (bit % 64) & 1 == 0 {
            return NONE;
        }
        self.slots[self.find(pair)].value
    }

    /// The id of a byte.
    pub(crate) fn byte_id(&self, byte: u8) -> u32 {
        self.byte_ids[byte as usize]
    }

    /// Append the ids of `word`, which is below 4 GiB. Cost: O(n log n).
    pub(crate) fn merge(&self, word: &[u8], ids: &mut Vec<u32>) {
        match word.len() {
            0 => {}
            1 => ids.push(self.byte_id(word[0])),
            2..=SHORT => self.merge_short(word, ids),
            _ => Long::new(self, word).merge(ids),
        }
    }

    fn first_value(&self, two: &[u8]) -> u64 {
        self.byte_pairs[usize::from(two[0]) << 8 | usize::from(two[1])]
    }

    /// Two sets of bits stand for the symbols that are left and for those that a merge joins with their right neighbour.
    fn merge_short(&self, word: &[u8], out: &mut Vec<u32>) {
        let mut ids = [0; SHORT];
        let mut values = [NONE; SHORT];
        let mut joinable = 0u64;
        for (id, &byte) in ids.iter_mut().zip(word) {
            *id = self.byte_id(byte);
        }
        for (place, two) in word.windows(2).enumerate() {
            values[place] = self.first_value(two);
            joinable |= u64::from(values[place] != NONE) << place;
        }
        let mut alive = u64::MAX >> (64 - word.len());
        while joinable != 0 {
            let place = lowest(joinable, &values);
            let right = (alive & (u64::MAX << 1 << place)).trailing_zeros() as usize & 63;
            let made = values[place] as u32;
            ids[place] = made;
            alive &= !(1 << right);
            joinable &= !(1 << right | 1 << place);
            let after = alive & (u64::MAX << 1 << place);
            if after != 0 {
                values[place] = self.get(made, ids[after.trailing_zeros() as usize & 63]);
                joinable |= u64::from(values[place] != NONE) << place;
            }
            let before = alive & !(u64::MAX << place);
            if before != 0 {
                let left = 63 - before.leading_zeros() as usize;
                values[left] = self.get(ids[left], made);
                joinable = joinable & !(1 << left) | u64::from(values[left] != NONE) << left;
            }
        }
        while alive != 0 {
            out.push(ids[alive.trailing_zeros() as usize & 63]);
            alive &= alive - 1;
        }
    }
}

/// The bit of a pair in the filter.
#[inline(always)]
fn filter_bit(pair: u64) -> usize {
    (pair.wrapping_mul(SPREAD) >> (64 - FILTER_BITS.trailing_zeros())) as usize
}

#[inline(always)]
fn pair(left: u32, right: u32) -> u64 {
    u64::from(left) << 32 | u64::from(right)
}

/// The leftmost of the places in `set` with the lowest value.
#[inline(always)]
fn lowest(mut set: u64, values: &[u64; SHORT]) -> usize {
    let (mut best, mut found) = (NONE, 0);
    while set != 0 {
        let place = set.trailing_zeros() as usize & 63;
        if values[place] < best {
            (best, found) = (values[place], place);
        }
        set &= set - 1;
    }
    found
}

const NOWHERE: u32 = u32::MAX;

/// A long word while it is merged: a list of symbols, linked both ways, and a heap of what may be joined.
struct Long<'a> {
    merges: &'a Merges,
    ids: Vec<u32>,
    previous: Vec<u32>,
    /// `NOWHERE` behind the last.
    next: Vec<u32>,
    /// Whether a symbol went into its left neighbour.
    gone: Vec<bool>,
    /// `(rank, place)`; an entry whose pair is no more has another rank than the pair that stands there.
    heap: BinaryHeap<Reverse<(u32, u32)>>,
}

impl<'a> Long<'a> {
    fn new(merges: &'a Merges, word: &[u8]) -> Self {
        let count = word.len() as u32;
        let ids = word.iter().map(|&byte| merges.byte_id(byte)).collect();
        let pairs = (0u32..).zip(word.windows(2));
        let first: Vec<_> = pairs
            .map(|(place, two)| (merges.first_value(two), place))
            .filter(|&(value, _)| value != NONE)
            .map(|(value, place)| Reverse(((value >> 32) as u32, place)))
            .collect();
        Self {
            merges,
            ids,
            previous: (0..count).map(|place| place.wrapping_sub(1)).collect(),
            next: (1..count).chain([NOWHERE]).collect(),
            gone: vec![false; word.len()],
            heap: first.into(),
        }
    }

    /// What joins the symbol at `place` with its right neighbour.
    fn value(&self, place: u32) -> u64 {
        let next = self.next[place as usize];
        if self.gone[place as usize] || next == NOWHERE {
            return NONE;
        }
        self.merges.get(self.ids[place as usize], self.ids[next as usize])
    }

    fn push(&mut self, place: u32) {
        let value = self.value(place);
        if value != NONE {
            self.heap.push(Reverse(((value >> 32) as u32, place)));
        }
    }

    fn merge(mut self, out: &mut Vec<u32>) {
        while let Some(Reverse((rank, place))) = self.heap.pop() {
            let value = self.value(place);
            if value != NONE && (value >> 32) as u32 == rank {
                self.join(place, value as u32);
            }
        }
        let left = self.ids.iter().zip(&self.gone).filter(|(_, gone)| !**gone);
        out.extend(left.map(|(id, _)| *id));
    }

    fn join(&mut self, place: u32, made: u32) {
        let right = self.next[place as usize];
        let after = self.next[right as usize];
        self.ids[place as usize] = made;
        self.gone[right as usize] = true;
        self.next[place as usize] = after;
        if after != NOWHERE {
            self.previous[after as usize] = place;
        }
        self.push(place);
        let before = self.previous[place as usize];
        if before != NOWHERE {
            self.push(before);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Merges over the letters a to d with ids from 256 on, some pairs twice and some making the same piece.
    fn random(choices: &[(u8, u8)]) -> Merges {
        let byte_ids = std::array::from_fn(|byte| byte as u32);
        let mut pieces: Vec<Vec<u8>> = (0..=255).map(|byte| vec![byte]).collect();
        let mut merges = Vec::new();
        for &(left, right) in choices {
            let id = |choice: u8| match usize::from(choice) {
                small @ 0..4 => small + usize::from(b'a'),
                large => (large - 4) % (pieces.len() - 255) + 255,
            };
            let (left, right) = (id(left), id(right));
            let text = [pieces[left].clone(), pieces[right].clone()].concat();
            let made = pieces.iter().position(|piece| *piece == text).unwrap_or_else(|| {
                pieces.push(text);
                pieces.len() - 1
            });
            merges.push((left as u32, right as u32, made as u32));
        }
        Merges::new(byte_ids, &merges)
    }

    /// The definition, word for word.
    fn plain(merges: &Merges, word: &[u8]) -> Vec<u32> {
        let mut ids: Vec<u32> = word.iter().map(|&byte| merges.byte_id(byte)).collect();
        loop {
            let values = ids.windows(2).map(|two| merges.get(two[0], two[1]));
            match values.enumerate().min_by_key(|&(place, value)| (value, place)) {
                Some((place, value)) if value != NONE => {
                    ids[place] = value as u32;
                    ids.remove(place + 1);
                }
                _ => return ids,
            }
        }
    }

    proptest! {
        #[test]
        fn short_and_long_words_are_merged_as_the_definition_says(
            choices in proptest::collection::vec((0u8..24, 0u8..24), 0..40), word in "[a-d]{2,64}",
        ) {
            let (merges, word) = (random(&choices), word.as_bytes());
            let expected = plain(&merges, word);
            let (mut short, mut long) = (Vec::new(), Vec::new());
            merges.merge_short(word, &mut short);
            Long::new(&merges, word).merge(&mut long);
            prop_assert_eq!(&short, &expected);
            prop_assert_eq!(&long, &expected);
        }
    }
}
