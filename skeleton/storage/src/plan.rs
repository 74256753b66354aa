//! What a rewriting of a store keeps as it is, and where it puts the rest. Writes nothing.
use crate::segment::Entry;
use crate::snapshot::Snapshot;
use std::ops::Range;

/// When memories leave the log for segments, and how large these become.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sizes {
    /// Fewer bytes than these stay in the log when it is rewritten.
    pub(crate) sealed_from: u64,
    /// About the size of a segment; one of less than half of it is put together with its like.
    pub(crate) segment: u64,
}

impl Default for Sizes {
    fn default() -> Self {
        Self { sealed_from: 4 << 20, segment: 64 << 20 }
    }
}

/// A part of the store to be, in the order of the rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// A chunk that stays in the segment where it is.
    Kept { chunk: usize, rows: Range<usize> },
    /// Rows that go into a new segment.
    Segment(Range<usize>),
    /// Rows that go into the new log, last of all.
    Log(Range<usize>),
}

/// A chunk of which something is left.
struct Found {
    chunk: usize,
    rows: Range<usize>,
    /// Bytes of its segment, if nothing of it was forgotten.
    whole: Option<u64>,
    logged: bool,
}

/// The parts of a settled snapshot whose chunks live in `homes`. All of it goes into segments when `seal` is asked for.
///
/// A segment that nothing was forgotten of is kept, unless it is small and what is next to it is small or is written
/// anyway. What is in the log stays there while it is little.
pub(crate) fn parts(held: &Snapshot, homes: &[Option<Entry>], sizes: Sizes, seal: bool) -> Vec<Part> {
    let found = chunks(held, homes);
    let logged = found.iter().position(|found| found.logged).unwrap_or(found.len());
    let logged_rows = found.get(logged).map_or(held.rows.len(), |found| found.rows.start)..held.rows.len();
    let little = !seal && logged_rows.clone().map(|row| held.row_bytes(row)).sum::<u64>() < sizes.sealed_from;
    let sealed = if little { &found[..logged] } else { &found[..] };
    let small = |place: Option<usize>| {
        let bytes = place.and_then(|place| sealed.get(place)).map(|found| found.whole.unwrap_or(0));
        bytes.is_some_and(|bytes| bytes < sizes.segment / 2)
    };
    let mut parts = Vec::new();
    let mut run = 0..0;
    for (place, one) in sealed.iter().enumerate() {
        let alone = !small(Some(place)) || !(small(place.checked_sub(1)) || small(Some(place + 1)));
        if one.whole.is_some() && alone {
            parts.extend(pieces(held, run, sizes.segment).map(Part::Segment));
            parts.push(Part::Kept { chunk: one.chunk, rows: one.rows.clone() });
            run = one.rows.end..one.rows.end;
        } else {
            run.end = one.rows.end;
        }
    }
    parts.extend(pieces(held, run, sizes.segment).map(Part::Segment));
    if little && !logged_rows.is_empty() {
        parts.push(Part::Log(logged_rows));
    }
    parts
}

/// The chunks of which something is left, with their rows, which lie together.
fn chunks(held: &Snapshot, homes: &[Option<Entry>]) -> Vec<Found> {
    let mut found = Vec::new();
    let mut start = 0;
    for (chunk, home) in homes.iter().enumerate() {
        let end = start + held.rows[start..].partition_point(|place| place.chunk as usize <= chunk);
        if end > start {
            let complete = end - start == held.chunks[chunk].chunk.len();
            let whole = home.as_ref().filter(|_| complete).map(|entry| entry.bytes);
            found.push(Found { chunk, rows: start..end, whole, logged: home.is_none() });
        }
        start = end;
    }
    found
}

/// Rows in pieces of about `bytes` each.
pub(crate) fn pieces(held: &Snapshot, rows: Range<usize>, bytes: u64) -> impl Iterator<Item = Range<usize>> + '_ {
    let mut start = rows.start;
    std::iter::from_fn(move || {
        let (first, mut sum) = (start, 0);
        while start < rows.end && (start == first || sum < bytes) {
            sum += held.row_bytes(start);
            start += 1;
        }
        (start > first).then_some(first..start)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chunk::Rows;
    use crate::memory::Memory;
    use crate::state::State;

    const SIZES: Sizes = Sizes { sealed_from: 500, segment: 400 };

    /// Chunks of so many rows, each row of 100 bytes; those with a size are segments.
    fn state(chunks: &[(u128, Option<u64>)]) -> State {
        let (mut state, mut id) = (State::new(2, 0), 0);
        for (count, bytes) in chunks {
            let row = |id| {
                let text = "t".repeat(60);
                Memory { id, text, vector: vec![0.0; 2], created_unix_s: 0.0, source: String::new() }
            };
            let rows = Rows::of_memories(&(id..id + count).map(row).collect::<Vec<_>>());
            id += count;
            let home = bytes.map(|bytes| Entry { identity: 1, place: 0, rows: 1, bytes, checksum: 0 });
            state.take(rows, home).unwrap();
        }
        state
    }

    fn planned(chunks: &[(u128, Option<u64>)], forgotten: &[u128], seal: bool) -> Vec<Part> {
        let mut state = state(chunks);
        state.apply(crate::change::Change::Forget(forgotten.to_vec())).unwrap();
        let (held, homes) = state.begin_chunks();
        parts(&held, &homes, SIZES, seal)
    }

    #[test]
    fn a_little_stays_in_the_log_and_much_is_cut_into_segments() {
        assert_eq!(planned(&[(4, None)], &[], false), [Part::Log(0..4)]);
        assert_eq!(planned(&[(4, None)], &[], true), [Part::Segment(0..4)]);
        assert_eq!(planned(&[(6, None)], &[], false), [Part::Segment(0..4), Part::Segment(4..6)]);
        assert_eq!(planned(&[], &[], true), []);
    }

    #[test]
    fn only_what_was_touched_or_is_small_beside_its_like_is_written_anew() {
        let kept = |chunk, rows| Part::Kept { chunk, rows };
        let chunks = [(4, Some(400)), (4, Some(400)), (2, None)];
        assert_eq!(planned(&chunks, &[], false), [kept(0, 0..4), kept(1, 4..8), Part::Log(8..10)]);
        assert_eq!(planned(&chunks, &[5], false), [kept(0, 0..4), Part::Segment(4..7), Part::Log(7..9)]);
        assert_eq!(planned(&chunks, &[0, 1, 2, 3], false), [kept(1, 0..4), Part::Log(4..6)]);
        let small = [(1, Some(100)), (1, Some(100)), (4, Some(400)), (1, Some(100))];
        assert_eq!(planned(&small, &[], false), [Part::Segment(0..2), kept(2, 2..6), kept(3, 6..7)]);
    }
}
