//! Splits work over the threads of the pool that the caller runs in. Never changes what is computed, only where.
use foundation::Outcome;
use rayon::prelude::*;
use std::cell::Cell;
use std::marker::PhantomData;
use std::ops::Range;

/// Below this many multiply-adds a split costs more than it saves (a join is some microseconds).
const WORTH_SPLITTING: usize = 1 << 20;
/// Parts per thread, so that a thread which starts late does not hold up the rest.
const PARTS_PER_THREAD: usize = 2;

thread_local! {
    static ALONE: Cell<bool> = const { Cell::new(false) };
}

/// Run `work` without splitting the kernels in it: for callers that have split theirs already. It must not wait for other
/// work of the pool, which this thread would then do unsplit as well.
pub fn on_this_thread<T>(work: impl FnOnce() -> T) -> T {
    struct Restore(bool);
    impl Drop for Restore {
        fn drop(&mut self) {
            ALONE.set(self.0);
        }
    }
    let _restore = Restore(ALONE.replace(true));
    work()
}

/// Run `part` over `0..tasks` in contiguous ranges, on the caller's pool when `work` multiply-adds are worth it.
///
/// Outside of a pool everything runs on the calling thread, so that no hidden pool ever starts.
pub(crate) fn split(
    tasks: usize,
    work: usize,
    part: impl Fn(Range<usize>) -> Outcome<()> + Sync + Send,
) -> Outcome<()> {
    let pooled = rayon::current_thread_index().is_some() && !ALONE.get();
    let threads = if pooled { rayon::current_num_threads() } else { 1 };
    let parts = (threads * PARTS_PER_THREAD).min(work / (WORTH_SPLITTING / 2)).min(tasks);
    if threads == 1 || work < WORTH_SPLITTING || parts < 2 {
        return part(0..tasks);
    }
    (0..parts).into_par_iter().with_max_len(1).try_for_each(|i| part(tasks * i / parts..tasks * (i + 1) / parts))
}

/// A mutable slice that several tasks write at once, each in places of its own.
pub(crate) struct Shared<'a> {
    start: *mut f32,
    length: usize,
    borrow: PhantomData<&'a mut [f32]>,
}

// SAFETY: the pointer comes from an exclusive borrow that lives as long as `Shared`; disjointness is `slice`'s contract.
unsafe impl Send for Shared<'_> {}
// SAFETY: as above.
unsafe impl Sync for Shared<'_> {}

impl<'a> Shared<'a> {
    /// Share an exclusive borrow among tasks.
    pub(crate) fn new(slice: &'a mut [f32]) -> Self {
        Self { start: slice.as_mut_ptr(), length: slice.len(), borrow: PhantomData }
    }

    /// The `count` elements from `from` on.
    ///
    /// # Safety
    /// No two slices that live at the same time may overlap. Bounds are checked here.
    #[allow(clippy::mut_from_ref)]
    #[inline(always)]
    pub(crate) unsafe fn slice(&self, from: usize, count: usize) -> &mut [f32] {
        assert!(from <= self.length && count <= self.length - from, "a task wrote outside of its output");
        // SAFETY: inside of the borrow by the assertion; disjoint by the caller's contract.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(from), count) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use foundation::pool::Pool;
    use std::sync::Mutex;

    #[test]
    fn work_on_this_thread_stays_whole_and_later_work_is_split_again() {
        let parts = || {
            let seen = Mutex::new(Vec::new());
            let noted = split(64, 1 << 30, |range| {
                seen.lock().map(|mut seen| seen.push(range.len())).ok();
                Ok(())
            });
            assert!(noted.is_ok());
            seen.lock().map_or(0, |seen| seen.len())
        };
        let counts = Pool::new(2).map(|pool| pool.run(|| (on_this_thread(parts), parts())));
        assert_eq!(counts.ok(), Some((1, 4)));
    }
}
