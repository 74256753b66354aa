//! What a store held at one moment. Never changes, whatever is stored, forgotten or compacted after it was taken.
use crate::memory::Memory;
use foundation::{Fault, Outcome};
use std::collections::HashMap;
use std::sync::Arc;

/// A memory without its vector.
pub(crate) struct Row {
    pub(crate) id: u128,
    pub(crate) text: String,
    pub(crate) created_unix_s: f64,
    pub(crate) source: String,
}

impl Row {
    /// As much as `Memory::size_bytes` says.
    pub(crate) fn size_bytes(&self, width: usize) -> u64 {
        (self.text.len() + self.source.len() + 4 * width + 32) as u64
    }
}

/// The memories of a store at one moment, in the order they were stored: rows and vectors that belong together. Shared,
/// not copied; the next change of the store copies its lists once if a snapshot is still held then.
#[derive(Clone)]
pub struct Snapshot {
    pub(crate) width: usize,
    pub(crate) rows: Arc<Vec<Arc<Row>>>,
    pub(crate) index: Arc<HashMap<u128, usize>>,
    pub(crate) vectors: Arc<Vec<f32>>,
}

impl Snapshot {
    /// How many memories there are.
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The memory with that id; `NotFound` when there is none.
    pub fn get(&self, id: u128) -> Outcome<Memory> {
        let memory = self.index.get(&id).and_then(|row| self.memory(*row));
        memory.ok_or_else(|| Fault::not_found(format!("memory {id:032x}")))
    }

    /// The memory in a row of `vectors`; `NotFound` past the last.
    pub fn row(&self, row: usize) -> Outcome<Memory> {
        self.memory(row).ok_or_else(|| Fault::not_found(format!("row {row} of the store")))
    }

    /// All memories one by one, each copied as it is asked for.
    pub fn memories(&self) -> impl Iterator<Item = Memory> + '_ {
        (0..self.rows.len()).filter_map(|row| self.memory(row))
    }

    /// All vectors, [len, width] row by row. Shared, not copied.
    pub fn vectors(&self) -> Arc<Vec<f32>> {
        self.vectors.clone()
    }

    fn memory(&self, row: usize) -> Option<Memory> {
        let Row { id, text, created_unix_s, source } = &**self.rows.get(row)?;
        let vector = self.vectors.get(row * self.width..(row + 1) * self.width)?.to_vec();
        Some(Memory { id: *id, text: text.clone(), vector, created_unix_s: *created_unix_s, source: source.clone() })
    }
}
