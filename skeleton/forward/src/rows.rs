//! How the rows of a pass are split over the threads of the pool. What a row becomes never depends on it.

/// Below this many numbers a thread more costs more than it saves.
const WORTH_A_THREAD: usize = 1 << 14;

/// How many rows of `width` numbers one thread takes at a time, at least 1.
pub(crate) fn per_part(rows: usize, width: usize) -> usize {
    let parts = (rows * width / WORTH_A_THREAD).clamp(1, rayon::current_num_threads());
    rows.div_ceil(parts).max(1)
}
