//! The memories of an open store, in the order of the log, with their vectors side by side. Knows no file.
use crate::change::{Change, ID_BYTES};
use crate::chunk::{Chunk, Rows};
use crate::keyed::Index;
use crate::memory::Memory;
use crate::open::{Prepare, as_it_is};
use crate::segment::Entry;
use crate::snapshot::{Place, Snapshot, absent};
use foundation::Outcome;
use std::sync::Arc;

/// A chunk of the log takes up more memories until it has so many bytes.
const CHUNK_BYTES: usize = 256 << 10;

/// Everything in memory. A forgotten memory leaves its row a gap, and new vectors wait beside the old ones; both are put
/// right before rows are next counted, so that neither storing nor forgetting one by one moves all vectors each time.
pub(crate) struct State {
    held: Snapshot,
    /// Which segment holds a chunk; `None` for what is in the log.
    homes: Vec<Option<Entry>>,
    /// The last chunk may grow.
    open: bool,
    /// Vectors of the rows after those in `held.vectors`: the first row, and the numbers.
    fresh: Vec<(usize, Vec<f32>)>,
    gaps: Vec<usize>,
    prepare: Prepare,
    number: u64,
    forgotten: u64,
    live_bytes: u64,
    dead_bytes: u64,
}

impl State {
    /// An empty state; `number` is the last one given before it.
    pub(crate) fn new(width: usize, number: u64) -> Self {
        let held = Snapshot::new(width);
        let (homes, fresh, gaps) = (Vec::new(), Vec::new(), Vec::new());
        let (prepare, open) = (as_it_is as Prepare, false);
        Self { held, homes, open, fresh, gaps, prepare, number, forgotten: 0, live_bytes: 0, dead_bytes: 0 }
    }

    pub(crate) fn len(&self) -> usize {
        self.held.len()
    }

    pub(crate) fn holds(&self, id: u128) -> bool {
        self.held.index.contains_key(&id)
    }

    /// Needs no settling.
    pub(crate) fn get(&self, id: u128) -> Outcome<Memory> {
        let row = self.held.index.get(&id).map(|row| *row as usize);
        let memory = row.and_then(|row| self.held.told(row, self.vector(row)?));
        memory.ok_or_else(|| absent(id))
    }

    fn vector(&self, row: usize) -> Option<&[f32]> {
        let width = self.held.width;
        let (first, numbers) = match self.fresh.partition_point(|(first, _)| *first <= row).checked_sub(1) {
            Some(piece) => (self.fresh[piece].0, &self.fresh[piece].1),
            None => (0, &*self.held.vectors),
        };
        numbers.get((row - first) * width..(row - first + 1) * width)
    }

    /// The last number given: one to each memory stored and one to each forgotten.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// About how many bytes of the files hold what is there, and how many what was forgotten.
    pub(crate) fn live_and_dead_bytes(&self) -> (u64, u64) {
        (self.live_bytes, self.dead_bytes)
    }

    /// How many memories were ever forgotten here.
    pub(crate) fn forgotten(&self) -> u64 {
        self.forgotten
    }

    pub(crate) fn ids(&self) -> impl Iterator<Item = u128> + '_ {
        self.held.index.keys().copied()
    }

    /// Note that so many bytes of forgotten memories have left the files.
    pub(crate) fn bury(&mut self, bytes: u64) {
        self.dead_bytes = self.dead_bytes.saturating_sub(bytes);
    }

    /// The memories as they are, or `None` while they are to be settled.
    pub(crate) fn whole(&self) -> Option<&Snapshot> {
        (self.gaps.is_empty() && self.fresh.is_empty()).then_some(&self.held)
    }

    /// The memories as they are. Costs a copy of the vectors that are new since the last call, and a pass over all rows
    /// if something was forgotten.
    pub(crate) fn settle(&mut self) -> &Snapshot {
        self.gather();
        if !self.gaps.is_empty() {
            self.close_gaps();
        }
        &self.held
    }

    /// The memories as they are and where each chunk lives; what comes from now on goes into chunks after these.
    pub(crate) fn begin_chunks(&mut self) -> (Snapshot, Vec<Option<Entry>>) {
        self.open = false;
        (self.settle().clone(), self.homes.clone())
    }

    /// Make the change, or give the first id that it cannot be made with; the state is then no longer of use.
    pub(crate) fn apply(&mut self, change: Change) -> Result<(), u128> {
        match change {
            Change::Store(rows) => self.store(rows, None),
            Change::Forget(ids) => {
                self.number += ids.len() as u64;
                self.forget(&ids)
            }
        }
    }

    /// Add memories that were written into the log, or into a segment.
    pub(crate) fn store(&mut self, rows: Rows, home: Option<Entry>) -> Result<(), u128> {
        let Rows { chunk, vectors } = rows;
        self.number += chunk.len() as u64;
        let first = self.held.rows.len();
        match self.fresh.last_mut().filter(|(_, numbers)| 4 * numbers.len() < CHUNK_BYTES) {
            Some((_, numbers)) => numbers.extend_from_slice(&vectors),
            None => self.fresh.push((first, vectors)),
        }
        self.take_chunk(chunk, home)
    }

    /// Make room for vectors in all, zeroed pages of which only those that are used take memory. Only while loading.
    pub(crate) fn expect(&mut self, numbers: usize, prepare: Prepare) {
        let mut vectors = vec![0.0; numbers];
        prepare(&mut vectors);
        (self.held.vectors, self.prepare) = (Arc::new(vectors), prepare);
    }

    /// The place of the vectors of the next `rows` rows. Only while loading.
    pub(crate) fn room(&mut self, rows: usize) -> &mut [f32] {
        let start = self.held.rows.len() * self.held.width;
        let end = start + rows * self.held.width;
        let vectors: &mut Vec<f32> = Arc::make_mut(&mut self.held.vectors);
        if vectors.len() < end {
            vectors.resize(end, 0.0);
        }
        &mut vectors[start..end]
    }

    /// Rows whose vectors are in the room that was asked for last; of the log, or of a segment.
    pub(crate) fn take(&mut self, chunk: Chunk, home: Option<Entry>) -> Result<(), u128> {
        if home.is_none() {
            self.number += chunk.len() as u64;
        }
        self.take_chunk(chunk, home)
    }

    /// Give back what room was not used; the end of loading.
    pub(crate) fn loaded(&mut self) {
        let used = self.held.rows.len() * self.held.width;
        Arc::make_mut(&mut self.held.vectors).truncate(used);
    }

    /// Add rows whose ids are new; the first id that is not is given back, and nothing after it is added.
    fn take_chunk(&mut self, new: Chunk, home: Option<Entry>) -> Result<(), u128> {
        // Each list is copied once if a snapshot of it is still out.
        let chunks = Arc::make_mut(&mut self.held.chunks);
        let rows = Arc::make_mut(&mut self.held.rows);
        let index: &mut Index = Arc::make_mut(&mut self.held.index);
        self.live_bytes += (new.size_bytes() + 4 * self.held.width * new.len()) as u64;
        rows.reserve(new.len());
        index.reserve(new.len());
        let grows = self.open && home.is_none();
        let last = chunks.last_mut().filter(|last| grows && last.size_bytes() < CHUNK_BYTES);
        let start = last.as_ref().map_or(0, |last| last.len());
        let number = chunks_number(last.is_some(), self.homes.len());
        for (at, id) in new.ids.iter().enumerate() {
            if index.insert(*id, rows.len() as u32).is_some() {
                return Err(*id);
            }
            rows.push(Place { chunk: number, at: (start + at) as u32 });
        }
        match last {
            Some(last) => Arc::make_mut(last).extend(&new),
            None => {
                self.open = home.is_none();
                self.homes.push(home);
                chunks.push(Arc::new(new));
            }
        }
        Ok(())
    }

    fn forget(&mut self, ids: &[u128]) -> Result<(), u128> {
        let index: &mut Index = Arc::make_mut(&mut self.held.index);
        for id in ids {
            let row = index.remove(id).ok_or(*id)? as usize;
            let Place { chunk, at } = self.held.rows[row];
            let bytes = self.held.chunks[chunk as usize].row_bytes(at as usize, self.held.width);
            self.gaps.push(row);
            self.forgotten += 1;
            self.live_bytes -= bytes;
            self.dead_bytes += bytes + ID_BYTES as u64;
        }
        Ok(())
    }

    /// Put what the start of a rewriting held where it is now: chunk by chunk, the new chunk and its place in it, for the
    /// `chunks` and their homes that take the place of the first `places.len()` chunks.
    pub(crate) fn rehouse(&mut self, chunks: Vec<(Arc<Chunk>, Option<Entry>)>, places: &[Vec<Place>]) {
        let (mut table, mut homes): (Vec<_>, Vec<_>) = chunks.into_iter().unzip();
        let new = table.len() as u32;
        table.extend_from_slice(&self.held.chunks[places.len()..]);
        homes.extend_from_slice(&self.homes[places.len()..]);
        for row in Arc::make_mut(&mut self.held.rows) {
            *row = match places.get(row.chunk as usize) {
                Some(moved) => moved[row.at as usize],
                None => Place { chunk: row.chunk - places.len() as u32 + new, at: row.at },
            };
        }
        self.open &= self.homes.len() > places.len();
        self.held.chunks = Arc::new(table);
        self.homes = homes;
    }

    fn gather(&mut self) {
        let mut fresh = std::mem::take(&mut self.fresh);
        if fresh.len() == 1 && self.held.vectors.is_empty() {
            self.held.vectors = Arc::new(std::mem::take(&mut fresh[0].1));
        }
        if fresh.iter().all(|(_, numbers)| numbers.is_empty()) {
            return;
        }
        let more = fresh.iter().map(|(_, numbers)| numbers.len()).sum();
        let room = Arc::get_mut(&mut self.held.vectors).is_some_and(|held| held.capacity() - held.len() >= more);
        if !room {
            // Half as much again, so that small changes do not copy everything each time.
            let old = self.held.vectors.len();
            let mut vectors = vec![0.0; old + more + old / 2];
            (self.prepare)(&mut vectors);
            vectors[..old].copy_from_slice(&self.held.vectors);
            vectors.truncate(old);
            self.held.vectors = Arc::new(vectors);
        }
        let vectors: &mut Vec<f32> = Arc::make_mut(&mut self.held.vectors);
        for (_, numbers) in fresh {
            vectors.extend_from_slice(&numbers);
        }
    }

    fn close_gaps(&mut self) {
        self.gaps.sort_unstable();
        let width = self.held.width;
        let rows = Arc::make_mut(&mut self.held.rows);
        let vectors = Arc::make_mut(&mut self.held.vectors);
        let first = self.gaps.first().copied().unwrap_or(rows.len());
        let mut kept = first;
        let mut gaps = self.gaps.iter().copied().peekable();
        for row in first..rows.len() {
            if gaps.next_if_eq(&row).is_some() {
                continue;
            }
            rows.swap(kept, row);
            vectors.copy_within(row * width..(row + 1) * width, kept * width);
            kept += 1;
        }
        rows.truncate(kept);
        vectors.truncate(kept * width);
        let chunks = &self.held.chunks;
        let id = |place: &Place| chunks[place.chunk as usize].ids[place.at as usize];
        let moved = rows[first..].iter().zip(first..).map(|(place, row)| (id(place), row as u32));
        let index: &mut Index = Arc::make_mut(&mut self.held.index);
        index.extend(moved);
        self.gaps.clear();
    }
}

fn chunks_number(grows: bool, chunks: usize) -> u32 {
    if grows { chunks as u32 - 1 } else { chunks as u32 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn memory(id: u128) -> Memory {
        Memory { id, text: format!("{id}"), vector: vec![id as f32; 2], created_unix_s: 0.0, source: "s".into() }
    }

    proptest! {
        #[test]
        fn the_state_is_what_a_plain_list_would_be(steps in prop::collection::vec((0u128..12, 0u8..3), 0..60)) {
            let (mut state, mut list) = (State::new(2, 0), Vec::<Memory>::new());
            let mut held: Vec<(Snapshot, Vec<Memory>)> = Vec::new();
            for (id, what) in steps {
                match (what, list.iter().position(|memory| memory.id == id)) {
                    (0, None) => {
                        state.apply(Change::Store(Rows::of_memories(&[memory(id)]))).unwrap();
                        list.push(memory(id));
                    }
                    (1, Some(place)) => {
                        state.apply(Change::Forget(vec![id])).unwrap();
                        list.remove(place);
                    }
                    (2, _) => held.push((state.settle().clone(), list.clone())),
                    _ => {}
                }
                prop_assert_eq!(state.len(), list.len());
                prop_assert_eq!(state.get(id).ok(), list.iter().find(|memory| memory.id == id).cloned());
            }
            held.push((state.settle().clone(), list.clone()));
            for (snapshot, list) in held {
                prop_assert_eq!(snapshot.memories().collect::<Vec<_>>(), list.clone());
                prop_assert_eq!(&snapshot.vectors()[..], list.iter().flat_map(|m| m.vector.clone()).collect::<Vec<_>>());
                prop_assert!(list.iter().all(|memory| snapshot.get(memory.id).unwrap() == *memory));
            }
        }
    }
}
