//! What a store held at one moment. Never changes, whatever is stored, forgotten or compacted after it was taken.
use crate::chunk::Chunk;
use crate::keyed::Index;
use crate::memory::Memory;
use foundation::{Fault, Outcome};
use std::sync::Arc;

/// Where the words of a row are: in which chunk, and where in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) chunk: u32,
    pub(crate) at: u32,
}

/// The memories of a store at one moment, in the order they were stored: rows and vectors that belong together. Shared,
/// not copied; the next change of the store copies its lists once if a snapshot is still held then.
#[derive(Clone)]
pub struct Snapshot {
    pub(crate) width: usize,
    pub(crate) chunks: Arc<Vec<Arc<Chunk>>>,
    pub(crate) rows: Arc<Vec<Place>>,
    pub(crate) index: Arc<Index>,
    pub(crate) vectors: Arc<Vec<f32>>,
}

impl Snapshot {
    pub(crate) fn new(width: usize) -> Self {
        let (chunks, rows, index, vectors) = Default::default();
        Self { width, chunks, rows, index, vectors }
    }

    /// How many memories there are.
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many numbers a vector has.
    pub fn width(&self) -> usize {
        self.width
    }

    /// The memory with that id; `NotFound` when there is none.
    pub fn get(&self, id: u128) -> Outcome<Memory> {
        let memory = self.index.get(&id).and_then(|row| self.memory(*row as usize));
        memory.ok_or_else(|| absent(id))
    }

    /// The memory in a row of `vectors`; `NotFound` past the last.
    pub fn row(&self, row: usize) -> Outcome<Memory> {
        self.memory(row).ok_or_else(|| Fault::not_found(format!("row {row} of the store")))
    }

    /// All memories one by one, each copied as it is asked for.
    pub fn memories(&self) -> impl Iterator<Item = Memory> + '_ {
        (0..self.rows.len()).filter_map(|row| self.memory(row))
    }

    /// The ids of all memories, in their order.
    pub fn ids(&self) -> impl Iterator<Item = u128> + '_ {
        self.rows.iter().map(|place| self.chunks[place.chunk as usize].ids[place.at as usize])
    }

    /// All vectors, [len, width] row by row. Shared, not copied.
    pub fn vectors(&self) -> Arc<Vec<f32>> {
        self.vectors.clone()
    }

    /// The words of some rows as one chunk, copied.
    pub(crate) fn chunk(&self, rows: std::ops::Range<usize>) -> Chunk {
        let mut chunk = Chunk::default();
        for place in &self.rows[rows] {
            chunk.copy_from(&self.chunks[place.chunk as usize], place.at as usize);
        }
        chunk
    }

    pub(crate) fn row_bytes(&self, row: usize) -> u64 {
        let Place { chunk, at } = self.rows[row];
        self.chunks[chunk as usize].row_bytes(at as usize, self.width)
    }

    /// The words of a row with a vector that is known to belong to it.
    pub(crate) fn told(&self, row: usize, vector: &[f32]) -> Option<Memory> {
        let Place { chunk, at } = *self.rows.get(row)?;
        self.chunks.get(chunk as usize)?.memory(at as usize, vector)
    }

    fn memory(&self, row: usize) -> Option<Memory> {
        self.told(row, self.vectors.get(row * self.width..(row + 1) * self.width)?)
    }
}

pub(crate) fn absent(id: u128) -> Fault {
    Fault::not_found(format!("memory {id:032x}"))
}
