//! Near-exact search at the speed of memory: codes say which rows may be near, and those are scored exactly.
//! Holds codes, not vectors; a filter or a delete is a bit of the bitmap and costs nothing but that bit.
use crate::bitmap::Bitmap;
use crate::codes::Codes;
use crate::effort::Effort;
use crate::flat::{Flat, Metric};
use crate::groups::Groups;
use crate::nearest::{Hit, Nearest};
use crate::probe::Probe;
use crate::rotation::Rotation;
use crate::sieve;
use foundation::{Fault, Outcome};
use kernels::popcount::{self, BLOCK, MOST_WORDS};
use rayon::prelude::*;
use std::slice::from_ref;

/// Widest vectors.
const MOST_WIDTH: usize = 64 * MOST_WORDS;
/// Allowed rows up to which scoring all of them is the quickest, and per hit that is asked for.
pub(crate) const FEW: usize = 256;

/// Codes of vectors of one width, in the order in which they came. Searches give the same bits on every machine that
/// runs the same build, with any number of threads.
#[derive(Clone, Debug)]
pub struct Quantised {
    pub(crate) width: usize,
    pub(crate) metric: Metric,
    pub(crate) seed: u64,
    pub(crate) codes: Codes,
    /// Rows that no search gives any more; as long as the codes.
    pub(crate) removed: Bitmap,
    /// Where the codes of rows stand, when not in the order of the rows.
    pub(crate) groups: Option<Groups>,
    pub(crate) flat: Flat,
    pub(crate) rotation: Rotation,
}

impl Quantised {
    /// No rows yet. Width 1 to 65,536; the seed draws the rotation, and any will do.
    pub fn new(width: usize, metric: Metric, seed: u64) -> Outcome<Self> {
        if !(1..=MOST_WIDTH).contains(&width) {
            return Err(Fault::out_of_range("width of the vectors", format!("1 ..= {MOST_WIDTH}"), width));
        }
        let (flat, rotation) = (Flat::new(width, metric)?, Rotation::new(width, seed));
        Ok(Self {
            width,
            metric,
            seed,
            codes: Codes::default(),
            removed: Bitmap::none(0),
            groups: None,
            flat,
            rotation,
        })
    }

    /// Append the codes of `vectors` [n, width]: rows len() and up. Nothing of earlier rows changes.
    ///
    /// Cost: one pass, on the threads of the pool that the caller runs in; padded = width rounded up to 64 takes
    /// padded * 9 / 8 + 8 bytes a row, 4 more for L2.
    /// Errors, and then nothing is appended: `Shape`; `OutOfRange` for a row with a number or a squared length that is
    /// not finite, and for more than 2^32 - 2^17 rows.
    pub fn extend(&mut self, vectors: &[f32]) -> Outcome<()> {
        if !vectors.len().is_multiple_of(self.width) {
            return Err(Fault::shape("vectors", format!("[n, {}]", self.width), format!("[{}]", vectors.len())));
        }
        let rows = self.len().saturating_add(vectors.len() / self.width);
        if rows > MOST_ROWS {
            return Err(Fault::out_of_range("rows of a quantised search", format!("0 ..= {MOST_ROWS}"), rows));
        }
        for (place, row) in vectors.chunks_exact(self.width).enumerate() {
            let squared: f32 = row.iter().map(|x| x * x).sum();
            if !squared.is_finite() {
                let what = format!("squared length of row {}", self.len() + place);
                return Err(Fault::out_of_range(what, "the finite numbers", squared));
            }
        }
        self.codes.extend(vectors, self.width, self.metric, &self.rotation);
        self.removed.extend_to(rows);
        Ok(())
    }

    /// Let no search give these rows any more. Other rows keep their numbers, and their vectors their places.
    ///
    /// Rows that were removed before do no harm. `OutOfRange`, and then none is removed, for a row that is not there.
    pub fn remove(&mut self, rows: &[usize]) -> Outcome<()> {
        if let Some(row) = rows.iter().find(|&&row| row >= self.len()) {
            return Err(Fault::out_of_range("row to remove", format!("0 .. {}", self.len()), row));
        }
        rows.iter().try_for_each(|&row| self.removed.insert(row))
    }

    /// How many rows were removed.
    pub fn removed(&self) -> usize {
        self.removed.count()
    }

    /// How many rows there are, removed or not.
    pub fn len(&self) -> usize {
        self.codes.rows
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Numbers of a vector.
    pub fn width(&self) -> usize {
        self.width
    }

    /// What near means.
    pub fn metric(&self) -> Metric {
        self.metric
    }

    /// About the `k` nearest rows, nearest first; among equal scores the lower row first.
    ///
    /// `vectors` [len(), width] are those that were appended; shapes and errors otherwise as in `Flat::top_k`, whose
    /// scores these are, to the bit. A hit is never wrong and the filter is exact; what may happen, the less often the
    /// greater the effort, is that a row is missed and a farther one stands in its place. `Effort::ALL` misses none.
    pub fn top_k(
        &self,
        query: &[f32],
        vectors: &[f32],
        k: usize,
        allow: Option<&Bitmap>,
        effort: Effort,
    ) -> Outcome<Vec<Hit>> {
        let rows = self.flat.check(query, vectors, allow)?;
        if rows != self.len() {
            let (want, got) = (format!("[{}, {}]", self.len(), self.width), format!("[{rows}, {}]", self.width));
            return Err(Fault::shape("vectors of the codes", want, got));
        }
        let filtered = allow.is_some();
        let left = (self.removed() > 0).then(|| self.removed.complement(allow));
        let allow = left.as_ref().or(allow);
        let few = k.saturating_mul(4).max(FEW);
        let allowed = allow.map_or(rows, Bitmap::count);
        if k == 0 || allowed == 0 {
            return Ok(Vec::new());
        }
        if effort == Effort::ALL {
            return self.flat.top_k(query, vectors, k, allow);
        }
        if let Some(allow) = allow.filter(|_| allowed <= few) {
            return self.score(query, vectors, k, (0..rows).filter(|&row| allow.contains(row)).collect());
        }
        if allowed <= few {
            return self.flat.top_k(query, vectors, k, allow);
        }
        let near = self.near(query, k, allow, filtered, effort)?;
        self.score(query, vectors, k, near)
    }

    /// The rows that may be among the `k` nearest, in rising order.
    fn near(&self, query: &[f32], k: usize, allow: Option<&Bitmap>, all: bool, effort: Effort) -> Outcome<Vec<usize>> {
        let probe = Probe::new(query, self.metric, &self.rotation, effort);
        let Some(groups) = &self.groups else {
            let blocks = self.blocks(allow);
            let near = sieve::near(&self.codes, &probe, k, &blocks, from_ref(&(0..blocks.len())))?;
            return Ok(near.into_iter().map(|row| row as usize).collect());
        };
        let (allow, pieces) = self.pieces(groups, query, k, allow, all, effort)?;
        let near = sieve::near(&self.codes, &probe, k, &allow, &pieces)?;
        let mut rows: Vec<usize> = near.into_iter().map(|place| groups.row(place) as usize).collect();
        rows.sort_unstable();
        Ok(rows)
    }

    /// `top_k` of each of `queries` [n, width], on the threads of the pool that the caller runs in.
    pub fn top_k_of_each(
        &self,
        queries: &[f32],
        vectors: &[f32],
        k: usize,
        allow: Option<&Bitmap>,
        effort: Effort,
    ) -> Outcome<Vec<Vec<Hit>>> {
        if !queries.len().is_multiple_of(self.width) {
            return Err(Fault::shape("queries", format!("[n, {}]", self.width), format!("[{}]", queries.len())));
        }
        let one = |query| self.top_k(query, vectors, k, allow, effort);
        // Outside of a pool everything runs here, so that no hidden pool ever starts.
        match rayon::current_thread_index() {
            Some(_) => queries.par_chunks_exact(self.width).map(one).collect(),
            None => queries.chunks_exact(self.width).map(one).collect(),
        }
    }

    /// The share of the hits of `Flat` that `top_k` finds too, over `queries` [n, width]: a sample chosen by the caller.
    ///
    /// 1 when there is nothing to find. Costs a `Flat::top_k` a query.
    pub fn recall(
        &self,
        queries: &[f32],
        vectors: &[f32],
        k: usize,
        allow: Option<&Bitmap>,
        effort: Effort,
    ) -> Outcome<f64> {
        let (mut found, mut all) = (0, 0);
        let hits = self.top_k_of_each(queries, vectors, k, allow, effort)?;
        let left = self.removed.complement(allow);
        for (query, hits) in queries.chunks_exact(self.width).zip(hits) {
            let truth = self.flat.top_k(query, vectors, k, Some(&left))?;
            found += truth.iter().filter(|hit| hits.contains(hit)).count();
            all += truth.len();
        }
        Ok(if all == 0 { 1.0 } else { found as f64 / all as f64 })
    }

    /// The k best of `near`, rows in rising order.
    fn score(&self, query: &[f32], vectors: &[f32], k: usize, near: Vec<usize>) -> Outcome<Vec<Hit>> {
        let vector = |row: usize| &vectors[row * self.width..][..self.width];
        near.iter().take(AHEAD).for_each(|&row| popcount::prefetch(vector(row)));
        let mut nearest = Nearest::new(k, near.len());
        for (place, &row) in near.iter().enumerate() {
            if let Some(&next) = near.get(place + AHEAD) {
                popcount::prefetch(vector(next));
            }
            nearest.show(row, self.flat.score_of(row, query, vector(row))?);
        }
        Ok(nearest.into_hits())
    }

    /// One byte a block: the rows that are there and allowed.
    fn blocks(&self, allow: Option<&Bitmap>) -> Vec<u8> {
        let count = self.len().div_ceil(BLOCK);
        let mut blocks = allow.map_or_else(|| vec![u8::MAX; count], |allow| allow.bytes().take(count).collect());
        if let (Some(last), past @ 1..) = (blocks.last_mut(), self.len() % BLOCK) {
            *last &= u8::MAX >> (BLOCK - past);
        }
        blocks
    }
}

/// Most rows, so that a row and a slab past it fit 32 bits.
pub(crate) const MOST_ROWS: usize = u32::MAX as usize - (1 << 17);
/// Rows ahead whose numbers are asked for.
const AHEAD: usize = 4;
