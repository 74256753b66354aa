//! How the rows of a pass are split over the threads of the pool, and how some of them are picked out. What a row becomes never depends on it.
use std::ops::Range;

/// Below this many numbers a thread more costs more than it saves.
const WORTH_A_THREAD: usize = 1 << 14;

/// How many rows of `width` numbers one thread takes at a time, at least 1.
pub(crate) fn per_part(rows: usize, width: usize) -> usize {
    let parts = (rows * width / WORTH_A_THREAD).clamp(1, rayon::current_num_threads());
    rows.div_ceil(parts).max(1)
}

/// Move the rows of `width` in `asked`, ascending ranges, to the front; what stands behind them is left over.
pub(crate) fn gather<T: Copy>(rows: &mut [T], asked: &[Range<usize>], width: usize) {
    let mut next = 0;
    for range in asked {
        rows.copy_within(range.start * width..range.end * width, next * width);
        next += range.len();
    }
}
