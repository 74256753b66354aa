//! The words that are one piece by themselves: found without a merge. Holds no other pieces.
use crate::words::hash;

const NO_PIECE: u32 = u32::MAX;

/// A table from the bytes of a word to its one id.
pub(crate) struct Whole {
    /// The upper half of a hash, and a place in `pieces`.
    slots: Box<[(u32, u32)]>,
    /// Where the bytes of a piece start and end in `text`, and its id.
    pieces: Vec<(u32, u32, u32)>,
    text: Vec<u8>,
}

impl Whole {
    /// From pieces that are all different, of less than 4 GiB together.
    pub(crate) fn new<'a>(pieces: impl ExactSizeIterator<Item = (&'a [u8], u32)>) -> Self {
        let size = (pieces.len() * 2).next_power_of_two().max(2);
        let mut built = Self { slots: vec![(0, NO_PIECE); size].into(), pieces: Vec::new(), text: Vec::new() };
        for (bytes, id) in pieces {
            let number = hash(bytes);
            let mut index = number as usize % size;
            while built.slots[index].1 != NO_PIECE {
                index = (index + 1) % size;
            }
            built.slots[index] = ((number >> 32) as u32, built.pieces.len() as u32);
            let start = built.text.len() as u32;
            built.text.extend_from_slice(bytes);
            built.pieces.push((start, built.text.len() as u32, id));
        }
        built
    }

    /// The id of `word`, whose `hash` is `number`.
    pub(crate) fn get(&self, word: &[u8], number: u64) -> Option<u32> {
        let mut index = number as usize & (self.slots.len() - 1);
        loop {
            let (tag, place) = self.slots[index];
            if place == NO_PIECE {
                return None;
            }
            if tag == (number >> 32) as u32 {
                let (start, end, id) = self.pieces[place as usize];
                if &self.text[start as usize..end as usize] == word {
                    return Some(id);
                }
            }
            index = (index + 1) & (self.slots.len() - 1);
        }
    }
}
