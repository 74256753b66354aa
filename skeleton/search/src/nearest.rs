//! The k best of a stream of scored rows, in one pass and k places. Knows nothing of vectors.
use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// A row and how near it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hit {
    /// The row.
    pub row: usize,
    /// Higher is nearer; see `Metric`.
    pub score: f32,
}

/// A hit ordered so that the worst is the greatest: lower score, then higher row.
struct Worst(Hit);

impl Ord for Worst {
    fn cmp(&self, other: &Self) -> Ordering {
        other.0.score.total_cmp(&self.0.score).then(self.0.row.cmp(&other.0.row))
    }
}

impl PartialOrd for Worst {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Worst {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Worst {}

/// Keeps the k best of what it is shown.
pub(crate) struct Nearest {
    k: usize,
    heap: BinaryHeap<Worst>,
}

impl Nearest {
    /// Room for `k`, but no more than there are rows.
    pub(crate) fn new(k: usize, rows: usize) -> Self {
        Self { k, heap: BinaryHeap::with_capacity(k.min(rows)) }
    }

    /// Show a row; rows come in rising order and scores are finite.
    pub(crate) fn show(&mut self, row: usize, score: f32) {
        // Minus zero and zero are one score.
        let hit = Worst(Hit { row, score: score + 0.0 });
        if self.heap.len() < self.k {
            self.heap.push(hit);
        } else if let Some(mut worst) = self.heap.peek_mut()
            && hit < *worst
        {
            *worst = hit;
        }
    }

    /// The score of the k-th best; `None` while fewer than k were shown.
    pub(crate) fn bar(&self) -> Option<f32> {
        self.heap.peek().filter(|_| self.heap.len() == self.k).map(|worst| worst.0.score)
    }

    /// The best, best first.
    pub(crate) fn into_hits(self) -> Vec<Hit> {
        self.heap.into_sorted_vec().into_iter().map(|worst| worst.0).collect()
    }
}
