//! What a store held at one moment. Never changes, whatever is stored, forgotten or compacted after it was taken.
use crate::chunk::{Chunk, Rows};
use crate::keyed::Index;
use crate::memory::Memory;
use crate::numbers::Means;
use foundation::{Fault, Outcome};
use std::ops::Range;
use std::sync::{Arc, OnceLock};

/// Where the words of a row are: in which chunk, and where in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) chunk: u32,
    pub(crate) at: u32,
}

/// So many blocks of vectors are few, however small they are.
const FEW_BLOCKS: usize = 64;
/// Rows of a block on average that are worth a block.
const FEWEST_ROWS: usize = 32;

/// The memories of a store at one moment, in the order they were stored: rows and vectors that belong together. Shared,
/// not copied; the next change of the store copies its lists once if a snapshot is still held then.
#[derive(Clone)]
pub struct Snapshot {
    pub(crate) width: usize,
    /// Memories as they came, with their vectors; those that were forgotten too, until the store is compacted.
    pub(crate) chunks: Arc<Vec<Arc<Rows>>>,
    /// In rising order.
    pub(crate) rows: Arc<Vec<Place>>,
    pub(crate) index: Arc<Index>,
    /// All vectors side by side, once somebody has asked for them so.
    pub(crate) joined: Arc<OnceLock<Arc<Vec<f32>>>>,
    pub(crate) means: Means,
}

impl Snapshot {
    pub(crate) fn new(width: usize, means: Means) -> Self {
        let (chunks, rows, index, joined) = Default::default();
        Self { width, chunks, rows, index, joined, means }
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
        self.rows.iter().map(|place| self.chunks[place.chunk as usize].chunk.ids[place.at as usize])
    }

    /// All vectors, [len, width] row by row. Shared; the first call after a change copies them together.
    pub fn vectors(&self) -> Arc<Vec<f32>> {
        self.joined.get_or_init(|| Arc::new(self.join(0..self.rows.len(), 0))).clone()
    }

    /// All vectors, [len, width] row by row, where they lie if they lie together; as `vectors` otherwise.
    pub fn matrix(&self) -> &[f32] {
        match self.blocks()[..] {
            [] => &[],
            [block] => block,
            _ => self.joined.get_or_init(|| Arc::new(self.join(0..self.rows.len(), 0))),
        }
    }

    /// All vectors where they lie, in the order of the rows: blocks of [rows, width]. One for each segment and each
    /// large append, but where memories were forgotten and the store was not compacted since. Copies nothing, but once
    /// where the blocks would be very small; then there is one.
    pub fn blocks(&self) -> Vec<&[f32]> {
        if let Some(joined) = self.joined.get() {
            return vec![joined];
        }
        let spans = self.spans(0..self.rows.len());
        match spans.len() <= FEW_BLOCKS + self.rows.len() / FEWEST_ROWS {
            true => spans,
            false => vec![self.joined.get_or_init(|| Arc::new(self.join(0..self.rows.len(), 0)))],
        }
    }

    /// The vectors of some rows, where they lie.
    pub(crate) fn spans(&self, rows: Range<usize>) -> Vec<&[f32]> {
        let (mut spans, mut rest) = (Vec::new(), &self.rows[rows]);
        while let Some(&Place { chunk, at }) = rest.first() {
            // Places of a chunk rise, so those that follow each other are those that come first.
            let first = at as usize;
            let run = together(&rest[..rest.partition_point(|place| place.chunk == chunk)]);
            let vectors = &self.chunks[chunk as usize].vectors;
            spans.push(&vectors[first * self.width..(first + run) * self.width]);
            rest = &rest[run..];
        }
        spans
    }

    /// The vectors of some rows side by side, with room for more numbers.
    pub(crate) fn join(&self, rows: Range<usize>, spare: usize) -> Vec<f32> {
        let mut all = self.means.room(rows.len() * self.width + spare);
        let mut at = 0;
        for span in self.spans(rows) {
            all[at..at + span.len()].copy_from_slice(span);
            at += span.len();
        }
        all.truncate(at);
        all
    }

    /// Some rows, copied.
    pub(crate) fn copied(&self, rows: Range<usize>) -> Rows {
        Rows { chunk: self.chunk(rows.clone()), vectors: self.join(rows, 0).into() }
    }

    /// The words of some rows as one chunk, copied.
    pub(crate) fn chunk(&self, rows: std::ops::Range<usize>) -> Chunk {
        let mut chunk = Chunk::default();
        for place in &self.rows[rows] {
            chunk.copy_from(&self.chunks[place.chunk as usize].chunk, place.at as usize);
        }
        chunk
    }

    pub(crate) fn row_bytes(&self, row: usize) -> u64 {
        let Place { chunk, at } = self.rows[row];
        self.chunks[chunk as usize].chunk.row_bytes(at as usize, self.width)
    }

    pub(crate) fn memory(&self, row: usize) -> Option<Memory> {
        let Place { chunk, at } = *self.rows.get(row)?;
        let (rows, at) = (self.chunks.get(chunk as usize)?, at as usize);
        rows.chunk.memory(at, rows.vectors.get(at * self.width..(at + 1) * self.width)?)
    }
}

/// How many places of a chunk follow each other from the first on, among places that rise.
fn together(places: &[Place]) -> usize {
    let first = places.first().map_or(0, |place| place.at as usize);
    let (mut sure, mut end) = (0, places.len());
    // Where no place is left out up to some row, none is left out before it.
    while sure < end {
        let middle = sure + (end - sure) / 2;
        if places[middle].at as usize - first == middle {
            sure = middle + 1;
        } else {
            end = middle;
        }
    }
    sure
}

pub(crate) fn absent(id: u128) -> Fault {
    Fault::not_found(format!("memory {id:032x}"))
}
