//! The memories of an open store, in the order of the log, with their vectors side by side. Knows no file.
use crate::memory::Memory;
use std::collections::HashMap;
use std::sync::Arc;

/// A memory without its vector.
struct Row {
    id: u128,
    text: String,
    created_unix_s: f64,
    source: String,
}

/// Everything in memory. Rows are only added, so that a row's number stays.
pub(crate) struct State {
    width: usize,
    rows: Vec<Row>,
    index: HashMap<u128, usize>,
    vectors: Arc<Vec<f32>>,
}

impl State {
    pub(crate) fn new(width: usize) -> Self {
        Self { width, rows: Vec::new(), index: HashMap::new(), vectors: Arc::default() }
    }

    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(crate) fn holds(&self, id: u128) -> bool {
        self.index.contains_key(&id)
    }

    pub(crate) fn row_of(&self, id: u128) -> Option<usize> {
        self.index.get(&id).copied()
    }

    /// Add memories whose ids are new; the first id that is not is given back, and nothing after it is added.
    pub(crate) fn extend(&mut self, memories: impl IntoIterator<Item = Memory>) -> Result<(), u128> {
        // Copies the vectors once if a snapshot of them is still out.
        let vectors = Arc::make_mut(&mut self.vectors);
        for memory in memories {
            if self.index.insert(memory.id, self.rows.len()).is_some() {
                return Err(memory.id);
            }
            vectors.extend_from_slice(&memory.vector);
            let Memory { id, text, created_unix_s, source, .. } = memory;
            self.rows.push(Row { id, text, created_unix_s, source });
        }
        Ok(())
    }

    pub(crate) fn memory(&self, row: usize) -> Option<Memory> {
        let Row { id, text, created_unix_s, source } = self.rows.get(row)?;
        let vector = self.vectors.get(row * self.width..(row + 1) * self.width)?.to_vec();
        Some(Memory { id: *id, text: text.clone(), vector, created_unix_s: *created_unix_s, source: source.clone() })
    }

    pub(crate) fn vectors(&self) -> Arc<Vec<f32>> {
        self.vectors.clone()
    }
}
