//! The memories of an open store, in the order of the log, with their vectors side by side. Knows no file.
use crate::change::{Change, ID_BYTES};
use crate::memory::Memory;
use crate::snapshot::{Row, Snapshot};
use foundation::Outcome;
use std::collections::HashMap;
use std::sync::Arc;

/// Everything in memory. A forgotten memory leaves its text at once and its row a gap, which is closed before rows are
/// next counted, so that forgetting one by one does not move all vectors each time.
pub(crate) struct State {
    held: Snapshot,
    gaps: Vec<usize>,
    number: u64,
    forgotten: u64,
    live_bytes: u64,
    dead_bytes: u64,
}

impl State {
    /// An empty state; `number` is the last one given before it.
    pub(crate) fn new(width: usize, number: u64) -> Self {
        let held = Snapshot { width, rows: Arc::default(), index: Arc::default(), vectors: Arc::default() };
        Self { held, gaps: Vec::new(), number, forgotten: 0, live_bytes: 0, dead_bytes: 0 }
    }

    pub(crate) fn len(&self) -> usize {
        self.held.len()
    }

    pub(crate) fn holds(&self, id: u128) -> bool {
        self.held.index.contains_key(&id)
    }

    pub(crate) fn get(&self, id: u128) -> Outcome<Memory> {
        self.held.get(id)
    }

    /// The last number given: one to each memory stored and one to each forgotten.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// About how many bytes of the log hold what is there, and how many what was forgotten.
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

    /// Note that so many bytes of forgotten memories have left the log.
    pub(crate) fn bury(&mut self, bytes: u64) {
        self.dead_bytes = self.dead_bytes.saturating_sub(bytes);
    }

    /// The memories as they are, or `None` while there are gaps to be closed.
    pub(crate) fn whole(&self) -> Option<&Snapshot> {
        self.gaps.is_empty().then_some(&self.held)
    }

    /// The memories as they are. Costs a pass over all rows if something was forgotten since the last call.
    pub(crate) fn settle(&mut self) -> &Snapshot {
        if !self.gaps.is_empty() {
            self.close_gaps();
        }
        &self.held
    }

    /// Make the change, or give the first id that it cannot be made with; the state is then no longer of use.
    pub(crate) fn apply(&mut self, change: Change) -> Result<(), u128> {
        self.number += change.count();
        match change {
            Change::Store(memories) => self.extend(memories),
            Change::Forget(ids) => self.forget(&ids),
        }
    }

    /// Add memories whose ids are new; the first id that is not is given back, and nothing after it is added.
    fn extend(&mut self, memories: Vec<Memory>) -> Result<(), u128> {
        // Each list is copied once if a snapshot of it is still out.
        let rows = Arc::make_mut(&mut self.held.rows);
        let index = Arc::make_mut(&mut self.held.index);
        let vectors = Arc::make_mut(&mut self.held.vectors);
        for memory in memories {
            if index.insert(memory.id, rows.len()).is_some() {
                return Err(memory.id);
            }
            vectors.extend_from_slice(&memory.vector);
            let Memory { id, text, created_unix_s, source, .. } = memory;
            let row = Row { id, text, created_unix_s, source };
            self.live_bytes += row.size_bytes(self.held.width);
            rows.push(Arc::new(row));
        }
        Ok(())
    }

    fn forget(&mut self, ids: &[u128]) -> Result<(), u128> {
        let rows = Arc::make_mut(&mut self.held.rows);
        let index = Arc::make_mut(&mut self.held.index);
        let empty = Arc::new(Row { id: 0, text: String::new(), created_unix_s: 0.0, source: String::new() });
        for id in ids {
            let row = index.remove(id).ok_or(*id)?;
            let bytes = rows[row].size_bytes(self.held.width);
            rows[row] = empty.clone();
            self.gaps.push(row);
            self.forgotten += 1;
            self.live_bytes -= bytes;
            self.dead_bytes += bytes + ID_BYTES as u64;
        }
        Ok(())
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
        let moved = rows[first..].iter().zip(first..).map(|(row, place)| (row.id, place));
        let index: &mut HashMap<u128, usize> = Arc::make_mut(&mut self.held.index);
        index.extend(moved);
        self.gaps.clear();
    }
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
                        state.apply(Change::Store(vec![memory(id)])).unwrap();
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
