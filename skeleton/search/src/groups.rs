//! Rows in groups around centres, so that a search reads the groups near its query only. Encodes and scores no rows.
//!
//! Source: Jégou, Douze and Schmid 2011, Product quantization for nearest neighbor search (the inverted file); centres
//! by Lloyd 1982, Least squares quantization in PCM.
use crate::flat::Metric;
use foundation::Outcome;
use kernels::distance;
use kernels::popcount::BLOCK;
use rayon::prelude::*;
use std::ops::Range;

/// Rows that the centres are found from, for each centre.
const SAMPLE: usize = 32;
/// Times that the centres move.
const ROUNDS: usize = 6;
/// Rows that one task finds the group of.
const TASK_ROWS: usize = 256;

/// Which rows stand together in the codes. Places below `len()` are in order of groups; later ones are rows themselves.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Groups {
    /// Row of a place.
    pub(crate) rows: Vec<u32>,
    /// Place of a row.
    pub(crate) places: Vec<u32>,
    /// [groups, width].
    pub(crate) centres: Vec<f32>,
    /// Where each group ends, as a place.
    pub(crate) ends: Vec<u32>,
    /// Groups that a quick and a careful search read.
    pub(crate) reads: [u32; 2],
}

impl Groups {
    /// Groups of `vectors` [n, width], about √n of them, on the threads of the caller's pool; `reads` is all groups.
    pub(crate) fn of(vectors: &[f32], width: usize, metric: Metric) -> Outcome<Self> {
        let rows = vectors.len() / width;
        let count = (rows.isqrt()).max(1);
        let sample: Vec<f32> =
            strided(rows, count * SAMPLE).flat_map(|row| row_of(vectors, width, row)).copied().collect();
        let mut centres: Vec<f32> =
            strided(sample.len() / width, count).flat_map(|row| row_of(&sample, width, row)).copied().collect();
        for _ in 0..ROUNDS {
            scale(&mut centres, width, metric);
            let of = nearest(&sample, &centres, width, metric)?;
            move_to_means(&mut centres, &sample, &of, width);
        }
        scale(&mut centres, width, metric);
        let of = nearest(vectors, &centres, width, metric)?;
        let mut order: Vec<u32> = (0..rows as u32).collect();
        order.sort_by_key(|&row| (of[row as usize], row));
        let count = centres.len() / width;
        let ends = (0..count as u32).map(|group| order.partition_point(|&row| of[row as usize] <= group) as u32);
        let ends = ends.collect();
        let mut groups = Self { rows: order, places: vec![0; rows], centres, ends, reads: [count as u32; 2] };
        groups.find_places();
        Ok(groups)
    }

    /// Fill `places` from `rows`.
    pub(crate) fn find_places(&mut self) {
        self.places = vec![0; self.rows.len()];
        self.rows.iter().enumerate().for_each(|(place, &row)| self.places[row as usize] = place as u32);
    }

    /// Rows in groups.
    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    /// The row at a place.
    pub(crate) fn row(&self, place: u32) -> u32 {
        self.rows.get(place as usize).copied().unwrap_or(place)
    }

    /// The place of a row.
    pub(crate) fn place(&self, row: usize) -> usize {
        self.places.get(row).map_or(row, |&place| place as usize)
    }

    /// The group of a row that is in one.
    pub(crate) fn group(&self, row: usize) -> usize {
        let place = self.places[row];
        self.ends.partition_point(|&end| end <= place)
    }

    /// All groups, the nearest to the query first; among equally near ones the lower first.
    pub(crate) fn order(&self, query: &[f32], metric: Metric) -> Outcome<Vec<u32>> {
        let mut scores = vec![0.0; self.ends.len()];
        match metric {
            Metric::L2 => distance::l2(query, &self.centres, query.len(), &mut scores)?,
            _ => distance::dot(query, &self.centres, query.len(), &mut scores)?,
        }
        if metric != Metric::L2 {
            scores.iter_mut().for_each(|score| *score = -*score);
        }
        let mut order: Vec<u32> = (0..scores.len() as u32).collect();
        order.sort_unstable_by(|&a, &b| scores[a as usize].total_cmp(&scores[b as usize]).then(a.cmp(&b)));
        Ok(order)
    }

    /// The places of a group.
    pub(crate) fn span(&self, group: u32) -> Range<usize> {
        let group = group as usize;
        (if group == 0 { 0 } else { self.ends[group - 1] as usize })..self.ends[group] as usize
    }

    /// One byte a block with the rows of `spans` set, and the blocks that hold any, in rising order, none twice.
    pub(crate) fn blocks(mut spans: Vec<Range<usize>>, rows: usize) -> (Vec<u8>, Vec<Range<usize>>) {
        let mut allow = vec![0u8; rows.div_ceil(BLOCK)];
        spans.retain(|span| !span.is_empty());
        spans.sort_unstable_by_key(|span| span.start);
        let mut pieces: Vec<Range<usize>> = Vec::with_capacity(spans.len());
        for span in spans {
            let blocks = span.start / BLOCK..span.end.div_ceil(BLOCK);
            allow[blocks.start + 1..blocks.end.max(blocks.start + 1)].fill(u8::MAX);
            allow[blocks.start] |= u8::MAX << (span.start % BLOCK);
            if !span.end.is_multiple_of(BLOCK) {
                let within = u8::MAX >> (BLOCK - span.end % BLOCK);
                let first = if blocks.len() == 1 { u8::MAX << (span.start % BLOCK) } else { u8::MAX };
                let last = blocks.end - 1;
                let before = if blocks.len() == 1 { allow[last] & !(u8::MAX << (span.start % BLOCK)) } else { 0 };
                allow[last] = before | first & within;
            }
            match pieces.last_mut() {
                Some(piece) if piece.end >= blocks.start => piece.end = piece.end.max(blocks.end),
                _ => pieces.push(blocks),
            }
        }
        (allow, pieces)
    }
}

/// `count` of the rows 0 .. rows at equal distances, all where there are fewer.
pub(crate) fn strided(rows: usize, count: usize) -> impl Iterator<Item = usize> {
    let count = count.min(rows);
    (0..count).map(move |place| place * rows / count)
}

fn row_of(vectors: &[f32], width: usize, row: usize) -> &[f32] {
    &vectors[row * width..][..width]
}

/// Bring centres to length 1 for the cosine, so that the inner product ranks them.
fn scale(centres: &mut [f32], width: usize, metric: Metric) {
    if metric == Metric::Cosine {
        for centre in centres.chunks_exact_mut(width) {
            let length = centre.iter().map(|x| x * x).sum::<f32>().sqrt();
            if length > 0.0 && length.is_finite() {
                centre.iter_mut().for_each(|x| *x /= length);
            }
        }
    }
}

/// The nearest centre of each row: by angle for the cosine, else by distance.
fn nearest(vectors: &[f32], centres: &[f32], width: usize, metric: Metric) -> Outcome<Vec<u32>> {
    let some = |part: &[f32]| -> Outcome<Vec<u32>> {
        let mut scores = vec![0.0; centres.len() / width];
        let one = |row: &[f32]| {
            if metric == Metric::Cosine {
                distance::dot(row, centres, width, &mut scores)?;
                scores.iter_mut().for_each(|score| *score = -*score);
            } else {
                distance::l2(row, centres, width, &mut scores)?;
            }
            let first = (0, f32::INFINITY);
            let least =
                scores.iter().enumerate().fold(first, |least, (at, &s)| if s < least.1 { (at, s) } else { least });
            Ok(least.0 as u32)
        };
        part.chunks_exact(width).map(one).collect()
    };
    let size = TASK_ROWS * width;
    // Outside of a pool everything runs here, so that no hidden pool ever starts.
    let parts: Vec<Vec<u32>> = match rayon::current_thread_index() {
        Some(_) => vectors.par_chunks(size).map(some).collect::<Outcome<_>>()?,
        None => vectors.chunks(size).map(some).collect::<Outcome<_>>()?,
    };
    Ok(parts.concat())
}

/// Each centre to the mean of its rows, summed in f64 in rising order; one without rows stays.
fn move_to_means(centres: &mut [f32], sample: &[f32], of: &[u32], width: usize) {
    let (mut sums, mut counts) = (vec![0f64; centres.len()], vec![0u32; centres.len() / width]);
    for (row, &group) in sample.chunks_exact(width).zip(of) {
        counts[group as usize] += 1;
        sums[group as usize * width..][..width].iter_mut().zip(row).for_each(|(sum, &x)| *sum += f64::from(x));
    }
    for ((centre, sum), &count) in centres.chunks_exact_mut(width).zip(sums.chunks_exact(width)).zip(&counts) {
        if count > 0 {
            centre.iter_mut().zip(sum).for_each(|(x, sum)| *x = (sum / f64::from(count)) as f32);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_hold_exactly_the_rows_of_the_spans() {
        for rows in [1usize, 7, 8, 9, 30, 64] {
            for a in 0..rows {
                for b in a..=rows {
                    for c in b..=rows {
                        let (allow, pieces) = Groups::blocks(vec![c..rows, a..b], rows);
                        let held = |row: usize| (a..b).contains(&row) || row >= c;
                        for row in 0..allow.len() * BLOCK {
                            assert_eq!(allow[row / BLOCK] >> (row % BLOCK) & 1 == 1, row < rows && held(row));
                        }
                        let read: Vec<usize> = pieces.into_iter().flatten().collect();
                        let want: Vec<usize> = (0..allow.len()).filter(|&block| allow[block] != 0).collect();
                        assert_eq!(read, want);
                    }
                }
            }
        }
    }
}
