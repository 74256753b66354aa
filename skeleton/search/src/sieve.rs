//! From all rows to the few that may be among the k nearest: a scan of signs, then INT8. Scores nothing exactly.
//!
//! Rows are cut into parts of a fixed size, so that what is found does not depend on how many threads share them.
use crate::codes::Codes;
use crate::nearest::Nearest;
use crate::probe::Probe;
use foundation::Outcome;
use kernels::popcount::{self, BLOCK, Blocks};
use rayon::prelude::*;
use std::ops::Range;

/// Rows of a part, which one thread goes through: enough that a second bar to be found costs little.
const PART_ROWS: usize = 1 << 18;
/// Rows whose estimates are held at a time; they stay in the second cache.
const SLAB_ROWS: usize = 1 << 15;
/// Most rows between two looks at how high the bar is by now.
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
/// `allow`: one byte a block; the rows past the end are out. `pieces`: the blocks to read, in rising order, none twice.
pub(crate) fn near(codes: &Codes, probe: &Probe, k: usize, allow: &[u8], pieces: &[Range<usize>]) -> Outcome<Vec<u32>> {
    let parts = parts(pieces);
    let through = |pieces: &Vec<Range<usize>>| Sieve::new(codes, probe, k).through(pieces, allow);
    // Outside of a pool everything runs here, so that no hidden pool ever starts.
    let parts: Vec<Sieve<'_>> = match rayon::current_thread_index() {
        Some(_) if parts.len() > 1 => parts.par_iter().map(through).collect::<Outcome<_>>()?,
        _ => parts.iter().map(through).collect::<Outcome<_>>()?,
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

/// The pieces, none longer than a stretch, in parts of `PART_ROWS`.
fn parts(pieces: &[Range<usize>]) -> Vec<Vec<Range<usize>>> {
    let (stretch, most) = (STRETCH_ROWS / BLOCK, PART_ROWS / BLOCK);
    let mut parts: Vec<Vec<Range<usize>>> = Vec::new();
    let mut held = most;
    for piece in pieces {
        for start in piece.clone().step_by(stretch) {
            let short = start..(start + stretch).min(piece.end);
            if held >= most {
                (held, _) = (0, parts.push(Vec::new()));
            }
            held += short.len();
            parts.last_mut().into_iter().for_each(|part| part.push(short.clone()));
        }
    }
    parts
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

    /// Go through the pieces, of which none is longer than a stretch, slab by slab.
    fn through(mut self, pieces: &[Range<usize>], allow: &[u8]) -> Outcome<Self> {
        let words = self.probe.codes.len() / 64;
        let most = SLAB_ROWS / BLOCK;
        let mut estimates = Vec::new();
        let mut rest = pieces;
        while !rest.is_empty() {
            let mut held = 0;
            let fits = rest.iter().take_while(|piece| {
                held += piece.len();
                held <= most
            });
            let (slab, later) = rest.split_at(fits.count());
            estimates.resize(slab.iter().map(Range::len).sum::<usize>() * BLOCK, 0.0);
            let mut free = &mut estimates[..];
            for piece in slab {
                let rows = piece.start * BLOCK..piece.end * BLOCK;
                let (estimates, after) = free.split_at_mut(rows.len());
                free = after;
                let part = Blocks {
                    codes: &self.codes.signs[piece.start * words..piece.end * words],
                    factors: &self.codes.factors[rows.clone()],
                    offsets: self.codes.offsets.get(rows).unwrap_or(&[]),
                    allow: Some(&allow[piece.clone()]),
                };
                popcount::estimate(estimates, self.probe.scan(), part)?;
            }
            self.sift(slab, &mut estimates)?;
            rest = later;
        }
        Ok(self)
    }

    /// Refine all rows of a slab that may reach the bar.
    fn sift(&mut self, slab: &[Range<usize>], estimates: &mut [f32]) -> Outcome<()> {
        if self.nearest.bar().is_none() {
            self.set_bar(slab, estimates)?;
        }
        let mut passed = Vec::new();
        let mut rest = &*estimates;
        for piece in slab {
            let (estimates, later) = rest.split_at(piece.len() * BLOCK);
            rest = later;
            let start = piece.start * BLOCK;
            let (factors, bar) = (&self.codes.factors[start..start + estimates.len()], self.bar());
            passed.clear();
            popcount::collect(&mut passed, start as u32, estimates, factors, self.probe.slack(bar), bar)?;
            self.refine(&passed)?;
        }
        Ok(())
    }

    /// Refine the best of many groups, which sets the bar near where it will stay, and take them out of the estimates.
    fn set_bar(&mut self, slab: &[Range<usize>], estimates: &mut [f32]) -> Outcome<()> {
        let groups = self.k.saturating_mul(4).max(FEWEST_FIRST).min(estimates.len()).next_multiple_of(16);
        let (mut best, mut places) = (vec![0.0; groups], vec![0; groups]);
        popcount::best_of_groups(&mut best, &mut places, estimates)?;
        places.retain(|&place| place != u32::MAX);
        places.sort_unstable();
        let (mut pieces, mut before) = (slab.iter(), 0);
        let mut piece = pieces.next().cloned().unwrap_or_default();
        for place in &mut places {
            estimates[*place as usize] = f32::NEG_INFINITY;
            while *place as usize >= (before + piece.len()) * BLOCK && !piece.is_empty() {
                before += piece.len();
                piece = pieces.next().cloned().unwrap_or_default();
            }
            *place = (*place as usize - before * BLOCK + piece.start * BLOCK) as u32;
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
