//! Codes of many rows in groups: how they are put there, and which groups a search reads. Without groups it reads all.
use crate::bitmap::Bitmap;
use crate::effort::Effort;
use crate::groups::{Groups, strided};
use crate::quantised::{FEW, Quantised};
use foundation::{Fault, Outcome};
use std::iter::once;
use std::ops::Range;

/// Rows below which reading all codes is quick enough.
const FEWEST: usize = 1 << 14;
/// Rows of the set itself that are searched for, to see how many groups a search must read.
const TRIALS: usize = 200;
/// Their nearest rows that must be found.
const TRIAL_HITS: usize = 10;
/// Of a thousand near rows, those that a quick and a careful search may miss for not reading their group.
const MISSED: [usize; 2] = [5, 1];
/// The greatest effort whose searches are quick, and the greatest that reads groups at all.
const QUICK: f32 = 2.0;
const CAREFUL: f32 = 3.0;
/// One row in so many may be removed before the groups are read no more.
const REMOVED: usize = 8;

impl Quantised {
    /// Put the codes in groups of near rows, so that a search reads those near its query only; whether that was done.
    ///
    /// `vectors` [len(), width] are those that were appended. Searches up to 2 deviations may then miss 5 more rows in a
    /// thousand, up to 3 deviations 1 more, for queries like the rows themselves: how many groups are read is found by
    /// searching for some of the rows. Above 3, with a filter, or with an eighth of the rows removed, all are read.
    /// It is not done below 16,384 rows, nor where a search would have to read half of the groups: rows without
    /// clusters have no groups to speak of. Rows that are appended later stand outside of the groups and are always read.
    ///
    /// Cost: rows^1.5 * width multiplications and a second encoding; 8 bytes a row and √rows centres.
    /// Errors, and then nothing changes: `Shape`; `OutOfRange` for vectors that could not have been appended.
    pub fn group(&mut self, vectors: &[f32]) -> Outcome<bool> {
        let rows = self.len();
        if vectors.len() != rows * self.width {
            let want = format!("[{rows}, {}]", self.width);
            return Err(Fault::shape("vectors of the codes", want, format!("[{}]", vectors.len())));
        }
        if rows < FEWEST {
            return Ok(false);
        }
        let groups = Groups::of(vectors, self.width, self.metric)?;
        let mut grouped = Self::new(self.width, self.metric, self.seed)?;
        let mut gathered = Vec::new();
        for part in groups.rows.chunks(FEWEST) {
            gathered.clear();
            part.iter()
                .for_each(|&row| gathered.extend_from_slice(&vectors[row as usize * self.width..][..self.width]));
            grouped.extend(&gathered)?;
        }
        grouped.removed = Bitmap::none(rows);
        let reads = self.reads(&groups, vectors)?;
        let count = groups.ends.len();
        if reads[0] as usize * 2 > count {
            return Ok(false);
        }
        grouped.groups = Some(Groups { reads, ..groups });
        grouped.removed = self.removed.clone();
        *self = grouped;
        Ok(true)
    }

    /// How many rows stand in groups.
    pub fn grouped(&self) -> usize {
        self.groups.as_ref().map_or(0, Groups::len)
    }

    /// How many groups must be read to miss as few near rows as `MISSED` says, for rows of the set as queries.
    fn reads(&self, groups: &Groups, vectors: &[f32]) -> Outcome<[u32; 2]> {
        let mut ranks = Vec::new();
        for row in strided(self.len(), TRIALS) {
            let query = &vectors[row * self.width..][..self.width];
            let order = groups.order(query, self.metric)?;
            let hits = self.top_k(query, vectors, TRIAL_HITS + 1, None, Effort::default())?;
            for hit in hits.iter().filter(|hit| hit.row != row) {
                let group = groups.group(hit.row);
                ranks.push(1 + order.iter().position(|&one| one as usize == group).unwrap_or(order.len()) as u32);
            }
        }
        ranks.sort_unstable();
        let all = groups.ends.len() as u32;
        Ok(MISSED.map(|missed| {
            ranks.get((ranks.len() * (1000 - missed)).div_ceil(1000).saturating_sub(1)).copied().unwrap_or(all)
        }))
    }

    /// The blocks to read, and one byte a block of the rows that count. `all`: whether a filter asks for all groups.
    pub(crate) fn pieces(
        &self,
        groups: &Groups,
        query: &[f32],
        k: usize,
        allow: Option<&Bitmap>,
        all: bool,
        effort: Effort,
    ) -> Outcome<(Vec<u8>, Vec<Range<usize>>)> {
        let rows = self.len();
        if all || effort.get() > CAREFUL || self.removed() * REMOVED > rows {
            return Ok(everything(groups, rows, allow));
        }
        let reads = groups.reads[usize::from(effort.get() > QUICK)] as usize;
        let order = groups.order(query, self.metric)?;
        let mut spans: Vec<Range<usize>> = order.iter().take(reads).map(|&group| groups.span(group)).collect();
        spans.push(groups.len()..rows);
        let held: usize = spans.iter().map(Range::len).sum();
        // So many that k are left whatever was removed.
        if held < k.saturating_mul(4).max(FEW).saturating_add(self.removed()) {
            return Ok(everything(groups, rows, allow));
        }
        let (mut blocks, pieces) = Groups::blocks(spans, rows);
        for row in self.removed.rows() {
            let place = groups.place(row);
            blocks[place / 8] &= !(1 << (place % 8));
        }
        Ok((blocks, pieces))
    }
}

/// All blocks, and in them the allowed rows by their places.
fn everything(groups: &Groups, rows: usize, allow: Option<&Bitmap>) -> (Vec<u8>, Vec<Range<usize>>) {
    let Some(allow) = allow else { return Groups::blocks(once(0..rows).collect(), rows) };
    let mut blocks = vec![0u8; rows.div_ceil(8)];
    for row in allow.rows() {
        let place = groups.place(row);
        blocks[place / 8] |= 1 << (place % 8);
    }
    (blocks, once(0..rows.div_ceil(8)).collect())
}
