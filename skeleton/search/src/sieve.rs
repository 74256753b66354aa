//! From all rows to the few that may be among the k nearest: a scan of signs, then INT8. Scores nothing exactly.
//!
//! Rows are cut into parts of a fixed size, so that what is found does not depend on how many threads share them.
use crate::codes::Codes;
use crate::nearest::Nearest;
use crate::probe::Probe;
use foundation::Outcome;
use kernels::popcount::{self, BLOCK, Blocks};
use rayon::prelude::*;

/// Rows of a part, which one thread goes through: enough that a second bar to be found costs little.
const PART_ROWS: usize = 1 << 18;
/// Rows whose estimates are held at a time; they stay in the second cache.
const SLAB_ROWS: usize = 1 << 15;
/// Rows between two looks at how high the bar is by now.
const STRETCH_ROWS: usize = 1 << 12;
/// Fewest rows that are looked at first, to set the bar.
const FEWEST_FIRST: usize = 256;

/// A row that passed, and the most its score can be within the effort.
struct Candidate {
    row: u32,
    most: f32,
}

/// The rows that may be among the `k` nearest, k at least 1, in rising order, on the threads of the caller's pool.
///
/// `allow`: one byte a block; the rows past the end are out.
pub(crate) fn near(codes: &Codes, probe: &Probe, k: usize, allow: &[u8]) -> Outcome<Vec<u32>> {
    let part = |(part, allow): (usize, &[u8])| Sieve::new(codes, probe, k).through(part * PART_ROWS, allow);
    let blocks = PART_ROWS / BLOCK;
    // Outside of a pool everything runs here, so that no hidden pool ever starts.
    let parts: Vec<Sieve<'_>> = match rayon::current_thread_index() {
        Some(_) if allow.len() > blocks => allow.par_chunks(blocks).enumerate().map(part).collect::<Outcome<_>>()?,
        _ => allow.chunks(blocks).enumerate().map(part).collect::<Outcome<_>>()?,
    };
    let mut nearest = Nearest::new(k, codes.rows);
    let mut candidates = Vec::new();
    for part in parts {
        part.nearest.into_hits().iter().for_each(|hit| nearest.show(hit.row, hit.score));
        candidates.extend(part.candidates);
    }
    let bar = nearest.bar().unwrap_or(f32::MIN);
    let mut rows: Vec<u32> = candidates.iter().filter(|c| c.most >= bar).map(|c| c.row).collect();
    rows.sort_unstable();
    Ok(rows)
}

/// The state of one search among the codes of a part.
struct Sieve<'a> {
    codes: &'a Codes,
    probe: &'a Probe,
    k: usize,
    nearest: Nearest,
    candidates: Vec<Candidate>,
    dots: Vec<i32>,
}

impl<'a> Sieve<'a> {
    fn new(codes: &'a Codes, probe: &'a Probe, k: usize) -> Self {
        Self { codes, probe, k, nearest: Nearest::new(k, codes.rows), candidates: Vec::new(), dots: Vec::new() }
    }

    /// Go through the rows from `first` on, slab by slab.
    fn through(mut self, first: usize, allow: &[u8]) -> Outcome<Self> {
        let words = self.probe.codes.len() / 64;
        let mut estimates = vec![0.0; (allow.len() * BLOCK).min(SLAB_ROWS)];
        for (slab, allow) in allow.chunks(SLAB_ROWS / BLOCK).enumerate() {
            let start = first + slab * SLAB_ROWS;
            let rows = start..start + allow.len() * BLOCK;
            let estimates = &mut estimates[..rows.len()];
            let part = Blocks {
                codes: &self.codes.signs[start / BLOCK * words..rows.end / BLOCK * words],
                factors: &self.codes.factors[rows.clone()],
                offsets: self.codes.offsets.get(rows).unwrap_or(&[]),
                allow: Some(allow),
            };
            popcount::estimate(estimates, self.probe.scan(), part)?;
            self.sift(start, estimates)?;
        }
        Ok(self)
    }

    /// Refine all rows of a slab that may reach the bar.
    fn sift(&mut self, start: usize, estimates: &mut [f32]) -> Outcome<()> {
        if self.nearest.bar().is_none() {
            self.set_bar(start, estimates)?;
        }
        let mut passed = Vec::new();
        for (stretch, estimates) in estimates.chunks(STRETCH_ROWS).enumerate() {
            let start = start + stretch * STRETCH_ROWS;
            let (factors, bar) = (&self.codes.factors[start..start + estimates.len()], self.bar());
            passed.clear();
            popcount::collect(&mut passed, start as u32, estimates, factors, self.probe.slack(bar), bar)?;
            self.refine(&passed)?;
        }
        Ok(())
    }

    /// Refine the best of many groups, which sets the bar near where it will stay, and take them out of the estimates.
    fn set_bar(&mut self, start: usize, estimates: &mut [f32]) -> Outcome<()> {
        let groups = self.k.saturating_mul(4).max(FEWEST_FIRST).min(estimates.len()).next_multiple_of(16);
        let (mut best, mut places) = (vec![0.0; groups], vec![0; groups]);
        popcount::best_of_groups(&mut best, &mut places, estimates)?;
        places.retain(|&place| place != u32::MAX);
        for place in &mut places {
            estimates[*place as usize] = f32::NEG_INFINITY;
            *place += start as u32;
        }
        self.refine(&places)
    }

    /// Keep those of `rows` that may reach the bar by their INT8 codes, and raise it.
    fn refine(&mut self, rows: &[u32]) -> Outcome<()> {
        self.dots.resize(rows.len(), 0);
        popcount::dots(&mut self.dots, rows, &self.probe.codes, &self.codes.bytes)?;
        for (&row, &dot) in rows.iter().zip(&self.dots) {
            let scale = self.codes.scales[row as usize];
            let offset = self.codes.offsets.get(row as usize).copied().unwrap_or(0.0);
            let (middle, half) = (dot as f32 * self.probe.scale, self.probe.coarse);
            let (most, least) = (scale.mul_add(middle + half, -offset), scale.mul_add(middle - half, -offset));
            if most >= self.bar() {
                self.candidates.push(Candidate { row, most });
                self.nearest.show(row as usize, least);
            }
        }
        Ok(())
    }

    /// What the k-th best row so far reaches at least; the lowest number while there are fewer.
    fn bar(&self) -> f32 {
        self.nearest.bar().unwrap_or(f32::MIN).max(f32::MIN)
    }
}
