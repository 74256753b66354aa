//! Memories as columns: ids, texts, times and sources side by side, with or without their vectors. Knows no file.
use crate::memory::{Columns, Memory};
use crate::numbers::Numbers;
use foundation::{Fault, Outcome};

/// Texts one after the other.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Texts {
    ends: Vec<u32>,
    joined: String,
}

impl Texts {
    /// Texts that end at these bytes of `joined`; `None` unless each ends between two letters, none before the last.
    pub(crate) fn new(ends: Vec<u32>, joined: String) -> Option<Self> {
        let mut last = 0;
        let sound = ends.iter().all(|&end| {
            let orderly = end >= last && joined.is_char_boundary(end as usize);
            last = end;
            orderly
        });
        (sound && last as usize == joined.len()).then_some(Self { ends, joined })
    }

    pub(crate) fn push(&mut self, text: &str) {
        self.joined.push_str(text);
        self.ends.push(self.joined.len() as u32);
    }

    pub(crate) fn get(&self, place: usize) -> Option<&str> {
        let start = if place == 0 { 0 } else { *self.ends.get(place - 1)? as usize };
        self.joined.get(start..*self.ends.get(place)? as usize)
    }

    /// Where each text ends in `joined`.
    pub(crate) fn ends(&self) -> &[u32] {
        &self.ends
    }

    pub(crate) fn joined(&self) -> &str {
        &self.joined
    }

    fn extend(&mut self, more: &Self) {
        let shift = self.joined.len() as u32;
        self.joined.push_str(&more.joined);
        self.ends.extend(more.ends.iter().map(|end| end + shift));
    }
}

impl<T: AsRef<str>> FromIterator<T> for Texts {
    fn from_iter<I: IntoIterator<Item = T>>(texts: I) -> Self {
        let mut all = Self::default();
        texts.into_iter().for_each(|text| all.push(text.as_ref()));
        all
    }
}

/// Memories without their vectors.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Chunk {
    pub(crate) ids: Vec<u128>,
    pub(crate) texts: Texts,
    pub(crate) created_unix_s: Vec<f64>,
    pub(crate) sources: Texts,
}

impl Chunk {
    pub(crate) fn len(&self) -> usize {
        self.ids.len()
    }

    /// Bytes of texts, sources and the rest of the columns; never too low.
    pub(crate) fn size_bytes(&self) -> usize {
        self.texts.joined.len() + self.sources.joined.len() + 32 * self.len()
    }

    /// Bytes of one memory, as much as `Memory::size_bytes` says.
    pub(crate) fn row_bytes(&self, place: usize, width: usize) -> u64 {
        let length = |texts: &Texts| texts.get(place).map_or(0, str::len);
        (length(&self.texts) + length(&self.sources) + 4 * width + 32) as u64
    }

    pub(crate) fn push(&mut self, id: u128, text: &str, created_unix_s: f64, source: &str) {
        self.ids.push(id);
        self.texts.push(text);
        self.created_unix_s.push(created_unix_s);
        self.sources.push(source);
    }

    /// Add one memory of another chunk; nothing where that has no such place.
    pub(crate) fn copy_from(&mut self, other: &Self, place: usize) {
        if let (Some(text), Some(source)) = (other.texts.get(place), other.sources.get(place)) {
            self.push(other.ids[place], text, other.created_unix_s[place], source);
        }
    }

    pub(crate) fn extend(&mut self, more: &Self) {
        self.ids.extend_from_slice(&more.ids);
        self.texts.extend(&more.texts);
        self.created_unix_s.extend_from_slice(&more.created_unix_s);
        self.sources.extend(&more.sources);
    }

    /// The memory at a place, with the vector that belongs to it.
    pub(crate) fn memory(&self, place: usize, vector: &[f32]) -> Option<Memory> {
        Some(Memory {
            id: *self.ids.get(place)?,
            text: self.texts.get(place)?.to_owned(),
            vector: vector.to_vec(),
            created_unix_s: *self.created_unix_s.get(place)?,
            source: self.sources.get(place)?.to_owned(),
        })
    }

    /// The columns but for their vectors, as many of each.
    pub(crate) fn of_columns(columns: &Columns<'_>, width: usize) -> Outcome<Self> {
        columns.check(width)?;
        Ok(Self {
            ids: columns.ids.to_vec(),
            texts: columns.texts.iter().collect(),
            created_unix_s: columns.created_unix_s.to_vec(),
            sources: columns.sources.iter().collect(),
        })
    }

    pub(crate) fn of_memories(memories: &[Memory]) -> Self {
        Self {
            ids: memories.iter().map(|memory| memory.id).collect(),
            texts: memories.iter().map(|memory| &memory.text).collect(),
            created_unix_s: memories.iter().map(|memory| memory.created_unix_s).collect(),
            sources: memories.iter().map(|memory| &memory.source).collect(),
        }
    }

    /// Refuses times that are not finite.
    pub(crate) fn check(&self) -> Outcome<()> {
        match self.created_unix_s.iter().zip(&self.ids).find(|(created, _)| !created.is_finite()) {
            Some((created, id)) => Err(never(*id, *created)),
            None => Ok(()),
        }
    }
}

/// Memories with their vectors, row by row.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Rows {
    pub(crate) chunk: Chunk,
    pub(crate) vectors: Numbers,
}

impl Rows {
    pub(crate) fn of_memories(memories: &[Memory]) -> Self {
        let vectors: Vec<f32> = memories.iter().flat_map(|memory| memory.vector.iter().copied()).collect();
        Self { chunk: Chunk::of_memories(memories), vectors: vectors.into() }
    }

    pub(crate) fn extend(&mut self, more: &Self) {
        self.chunk.extend(&more.chunk);
        self.vectors.extend(&more.vectors);
    }

    pub(crate) fn size_bytes(&self) -> usize {
        self.chunk.size_bytes() + 4 * self.vectors.len()
    }
}

/// The fault of a time that is none.
pub(crate) fn never(id: u128, created_unix_s: f64) -> Fault {
    Fault::out_of_range(format!("created_unix_s of memory {id:032x}"), "the finite numbers", created_unix_s)
}

/// The fault of a number in a vector that is none.
pub(crate) fn not_finite(id: u128, place: usize, value: f32) -> Fault {
    Fault::out_of_range(format!("number {place} of the vector of memory {id:032x}"), "the finite numbers", value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_end_between_letters_and_in_order() {
        let texts: Texts = ["é", "", "ab"].into_iter().collect();
        assert_eq!((texts.get(0), texts.get(1), texts.get(2), texts.get(3)), (Some("é"), Some(""), Some("ab"), None));
        assert_eq!(Texts::new(vec![2, 2, 4], "éab".into()).unwrap(), texts);
        for ends in [vec![1, 4], vec![3, 2, 4], vec![2, 5], vec![2]] {
            assert!(Texts::new(ends, "éab".into()).is_none());
        }
    }
}
