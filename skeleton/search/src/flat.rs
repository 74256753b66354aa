//! Exact search: every allowed row is scored. The truth that faster ways are measured against; holds no vectors itself.
use crate::bitmap::Bitmap;
use crate::nearest::{Hit, Nearest};
use foundation::{Fault, Outcome};
use kernels::distance;

/// Rows that are scored at a time; their scores stay in the first cache.
const BLOCK_ROWS: usize = 1024;

/// What near means. A higher score is always nearer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Metric {
    /// The cosine of the angle, -1 to 1; 0 when one of the two is the zero vector.
    Cosine,
    /// The inner product.
    InnerProduct,
    /// Minus the squared Euclidean distance.
    L2,
}

/// Exact search among vectors of one width.
#[derive(Clone, Copy, Debug)]
pub struct Flat {
    width: usize,
    metric: Metric,
}

impl Flat {
    /// A search among vectors of `width` numbers, at least 1.
    pub fn new(width: usize, metric: Metric) -> Outcome<Self> {
        match width {
            0 => Err(Fault::out_of_range("width of the vectors", "1 and above", width)),
            _ => Ok(Self { width, metric }),
        }
    }

    /// The `k` nearest rows to `query`, nearest first; among equal scores the lower row first.
    ///
    /// Shapes: query [width]; vectors [n, width], row by row; `allow` n bits, or `None` for all rows. Fewer than `k`
    /// hits when fewer rows are allowed; none of no rows. Scores are f32 and the same on every run of a machine.
    /// Costs n * width multiplications; memory for k hits.
    /// Errors: `Shape` when lengths disagree; `OutOfRange` when the query, or the score of an allowed row, is not finite;
    /// so is every row with a NaN.
    pub fn top_k(&self, query: &[f32], vectors: &[f32], k: usize, allow: Option<&Bitmap>) -> Outcome<Vec<Hit>> {
        self.top_k_of_parts(query, &[vectors], k, allow)
    }

    /// As `top_k`, of vectors in several places: parts of [rows, width], whose rows count on from each other's.
    pub fn top_k_of_parts(
        &self,
        query: &[f32],
        parts: &[&[f32]],
        k: usize,
        allow: Option<&Bitmap>,
    ) -> Outcome<Vec<Hit>> {
        let mut rows = self.check(query, parts.first().unwrap_or(&&[][..]), None)?;
        for part in parts.iter().skip(1) {
            rows += self.check(query, part, None)?;
        }
        as_long(allow, rows)?;
        let mut nearest = Nearest::new(k, rows);
        let mut scores = [0f32; BLOCK_ROWS];
        let mut next = 0;
        for vectors in parts.iter().flat_map(|part| part.chunks(BLOCK_ROWS * self.width)) {
            let scores = &mut scores[..vectors.len() / self.width];
            self.score(query, vectors, scores)?;
            let first = next;
            next += scores.len();
            for (place, &score) in scores.iter().enumerate() {
                let row = first + place;
                if allow.is_some_and(|allow| !allow.contains(row)) {
                    continue;
                }
                nearest.show(row, self.sound(row, score, &vectors[place * self.width..(place + 1) * self.width])?);
            }
        }
        Ok(nearest.into_hits())
    }

    /// The score that `top_k` gives to `vector` [width], which is row `row`.
    pub(crate) fn score_of(&self, row: usize, query: &[f32], vector: &[f32]) -> Outcome<f32> {
        let mut score = [0.0];
        self.score(query, vector, &mut score)?;
        self.sound(row, score[0], vector)
    }

    /// The score, unless it shows that the row is bad.
    fn sound(&self, row: usize, score: f32, vector: &[f32]) -> Outcome<f32> {
        if self.hides_a_bad_row(score, vector) {
            return Err(Fault::out_of_range(format!("score of row {row}"), "the finite numbers", score));
        }
        Ok(score)
    }

    /// The number of rows, once all shapes agree.
    pub(crate) fn check(&self, query: &[f32], vectors: &[f32], allow: Option<&Bitmap>) -> Outcome<usize> {
        let width = self.width;
        if query.len() != width {
            return Err(Fault::shape("query", format!("[{width}]"), format!("[{}]", query.len())));
        }
        if let Some((place, value)) = query.iter().enumerate().find(|(_, value)| !value.is_finite()) {
            return Err(Fault::out_of_range(format!("number {place} of the query"), "the finite numbers", value));
        }
        if self.metric == Metric::Cosine && !squared_length(query).is_finite() {
            let got = squared_length(query);
            return Err(Fault::out_of_range("squared length of the query", "the finite numbers", got));
        }
        if !vectors.len().is_multiple_of(width) {
            return Err(Fault::shape("vectors", format!("[n, {width}]"), format!("[{}]", vectors.len())));
        }
        let rows = vectors.len() / width;
        as_long(allow, rows).map(|()| rows)
    }

    /// Whether a score is not finite, or is the 0 that a cosine gives for a length that is no number or overflows.
    fn hides_a_bad_row(&self, score: f32, row: &[f32]) -> bool {
        !score.is_finite() || (self.metric == Metric::Cosine && score == 0.0 && !squared_length(row).is_finite())
    }

    fn score(&self, query: &[f32], vectors: &[f32], scores: &mut [f32]) -> Outcome<()> {
        match self.metric {
            Metric::Cosine => distance::cosine(query, vectors, self.width, scores),
            Metric::InnerProduct => distance::dot(query, vectors, self.width, scores),
            Metric::L2 => {
                distance::l2(query, vectors, self.width, scores)?;
                scores.iter_mut().for_each(|score| *score = -*score);
                Ok(())
            }
        }
    }
}

fn as_long(allow: Option<&Bitmap>, rows: usize) -> Outcome<()> {
    match allow {
        Some(allow) if allow.len() != rows => {
            Err(Fault::shape("filter", format!("[{rows}]"), format!("[{}]", allow.len())))
        }
        _ => Ok(()),
    }
}

fn squared_length(vector: &[f32]) -> f32 {
    vector.iter().map(|x| x * x).sum()
}
