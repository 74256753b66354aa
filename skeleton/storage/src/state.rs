//! The memories of an open store, in the order of the log, with their vectors side by side. Knows no file.
use crate::change::{Change, ID_BYTES};
use crate::chunk::Rows;
use crate::keyed::Index;
use crate::memory::Memory;
use crate::numbers::{Means, Numbers};
use crate::segment::Entry;
use crate::snapshot::{Place, Snapshot, absent};
use foundation::Outcome;
use std::sync::{Arc, OnceLock};

/// A chunk of the log takes up more memories until it has so many bytes.
const CHUNK_BYTES: usize = 256 << 10;

/// Everything in memory. A forgotten memory leaves its row a gap, which is closed before rows are next counted, so that
/// forgetting one by one does not move all rows each time. Vectors stay where they are until the store is compacted.
pub(crate) struct State {
    held: Snapshot,
    /// Which segment holds a chunk; `None` for what is in the log.
    homes: Vec<Option<Entry>>,
    /// The last chunk may grow.
    open: bool,
    /// The vectors of the first rows side by side, as somebody asked for them earlier.
    joined: Option<Arc<Vec<f32>>>,
    gaps: Vec<usize>,
    number: u64,
    forgotten: u64,
    live_bytes: u64,
    dead_bytes: u64,
}

impl State {
    /// An empty state by the plainest means.
    #[cfg(test)]
    pub(crate) fn new(width: usize, number: u64) -> Self {
        Self::with(width, number, Means::default())
    }

    /// An empty state; `number` is the last one given before it.
    pub(crate) fn with(width: usize, number: u64, means: Means) -> Self {
        let held = Snapshot::new(width, means);
        let (homes, gaps, joined, open) = (Vec::new(), Vec::new(), None, false);
        Self { held, homes, open, joined, gaps, number, forgotten: 0, live_bytes: 0, dead_bytes: 0 }
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
        row.and_then(|row| self.held.memory(row)).ok_or_else(|| absent(id))
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
        (self.gaps.is_empty() && self.joined.is_none()).then_some(&self.held)
    }

    /// The memories as they are. Costs a pass over all rows if something was forgotten, and a copy of the vectors that
    /// are new if somebody asked for them side by side before.
    pub(crate) fn settle(&mut self) -> &Snapshot {
        if !self.gaps.is_empty() {
            self.close_gaps();
        }
        if let Some(joined) = self.joined.take() {
            self.held.joined = Arc::new(OnceLock::from(self.gather(joined)));
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
        self.number += rows.chunk.len() as u64;
        self.add(rows, home)
    }

    /// Make room for so many rows.
    pub(crate) fn expect(&mut self, rows: u64) {
        let rows = usize::try_from(rows).unwrap_or(0);
        Arc::make_mut(&mut self.held.rows).reserve(rows);
        let index: &mut Index = Arc::make_mut(&mut self.held.index);
        index.reserve(rows);
    }

    /// Add memories that were read from the log, or from a segment, whose numbers were given before the log's first.
    pub(crate) fn take(&mut self, rows: Rows, home: Option<Entry>) -> Result<(), u128> {
        if home.is_none() {
            self.number += rows.chunk.len() as u64;
        }
        self.add(rows, home)
    }

    /// What was side by side is no longer all.
    fn part(&mut self) {
        if let Some(joined) = self.held.joined.get() {
            self.joined = Some(joined.clone());
            self.held.joined = Arc::default();
        }
    }

    /// Add rows whose ids are new; the first id that is not is given back, and nothing after it is added.
    fn add(&mut self, new: Rows, home: Option<Entry>) -> Result<(), u128> {
        self.part();
        // Each list is copied once if a snapshot of it is still out.
        let chunks = Arc::make_mut(&mut self.held.chunks);
        let rows = Arc::make_mut(&mut self.held.rows);
        let index: &mut Index = Arc::make_mut(&mut self.held.index);
        self.live_bytes += new.size_bytes() as u64;
        rows.reserve(new.chunk.len());
        index.reserve(new.chunk.len());
        let grows = self.open && home.is_none() && !new.vectors.is_mapped() && new.size_bytes() < CHUNK_BYTES;
        let last = chunks.last_mut().filter(|last| grows && last.size_bytes() < CHUNK_BYTES);
        let last = last.filter(|last| !last.vectors.is_mapped());
        let start = last.as_ref().map_or(0, |last| last.chunk.len());
        let number = chunks_number(last.is_some(), self.homes.len());
        for (at, id) in new.chunk.ids.iter().enumerate() {
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
        (self.joined, self.held.joined) = (None, Arc::default());
        let index: &mut Index = Arc::make_mut(&mut self.held.index);
        for id in ids {
            let row = index.remove(id).ok_or(*id)? as usize;
            let Place { chunk, at } = self.held.rows[row];
            let bytes = self.held.chunks[chunk as usize].chunk.row_bytes(at as usize, self.held.width);
            self.gaps.push(row);
            self.forgotten += 1;
            self.live_bytes -= bytes;
            self.dead_bytes += bytes + ID_BYTES as u64;
        }
        Ok(())
    }

    /// Put what the start of a rewriting held where it is now: chunk by chunk, the new chunk and its place in it, for the
    /// `chunks` and their homes that take the place of the first `places.len()` chunks.
    pub(crate) fn rehouse(&mut self, chunks: Vec<(Arc<Rows>, Option<Entry>)>, places: &[Vec<Place>]) {
        let (mut table, mut homes): (Vec<_>, Vec<_>) = chunks.into_iter().unzip();
        let new = table.len() as u32;
        table.extend(self.held.chunks[places.len()..].iter().map(of_their_own));
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

    /// All vectors side by side, given those of the first rows.
    fn gather(&self, mut joined: Arc<Vec<f32>>) -> Arc<Vec<f32>> {
        let (rows, width) = (self.held.rows.len(), self.held.width);
        let old = joined.len() / width;
        let more = (rows - old) * width;
        match Arc::get_mut(&mut joined).filter(|held| held.capacity() - held.len() >= more) {
            Some(held) => self.held.spans(old..rows).into_iter().for_each(|span| held.extend_from_slice(span)),
            // Half as much again, so that small changes do not copy everything each time.
            None => joined = Arc::new(self.held.join(0..rows, rows * width / 2)),
        }
        joined
    }

    fn close_gaps(&mut self) {
        self.gaps.sort_unstable();
        let rows = Arc::make_mut(&mut self.held.rows);
        let first = self.gaps.first().copied().unwrap_or(rows.len());
        let mut kept = first;
        let mut gaps = self.gaps.iter().copied().peekable();
        for row in first..rows.len() {
            if gaps.next_if_eq(&row).is_none() {
                rows.swap(kept, row);
                kept += 1;
            }
        }
        rows.truncate(kept);
        let chunks = &self.held.chunks;
        let id = |place: &Place| chunks[place.chunk as usize].chunk.ids[place.at as usize];
        let moved = rows[first..].iter().zip(first..).map(|(place, row)| (id(place), row as u32));
        let index: &mut Index = Arc::make_mut(&mut self.held.index);
        index.extend(moved);
        self.gaps.clear();
    }
}

/// Rows that lie in no file that was replaced.
fn of_their_own(rows: &Arc<Rows>) -> Arc<Rows> {
    match rows.vectors.is_mapped() {
        true => Arc::new(Rows { chunk: rows.chunk.clone(), vectors: Numbers::Owned(rows.vectors.to_vec()) }),
        false => rows.clone(),
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
                    (2, _) => {
                        held.push((state.settle().clone(), list.clone()));
                        // Asked for side by side, they are kept so.
                        prop_assert_eq!(state.settle().vectors().len(), 2 * list.len());
                    }
                    _ => {}
                }
                prop_assert_eq!(state.len(), list.len());
                prop_assert_eq!(state.get(id).ok(), list.iter().find(|memory| memory.id == id).cloned());
            }
            held.push((state.settle().clone(), list.clone()));
            for (snapshot, list) in held {
                prop_assert_eq!(snapshot.memories().collect::<Vec<_>>(), list.clone());
                prop_assert_eq!(&snapshot.blocks().concat(), &snapshot.vectors()[..]);
                prop_assert_eq!(snapshot.matrix(), &snapshot.vectors()[..]);
                prop_assert_eq!(&snapshot.vectors()[..], list.iter().flat_map(|m| m.vector.clone()).collect::<Vec<_>>());
                prop_assert!(list.iter().all(|memory| snapshot.get(memory.id).unwrap() == *memory));
            }
        }
    }
}
