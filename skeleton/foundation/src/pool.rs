//! The pool of threads that a network computes on; its size is chosen by whoever builds it, never by the work.
use crate::{Fault, Outcome};
use std::sync::Arc;

/// A pool with a fixed number of threads. Cheap to clone; what runs on it must not depend on their number.
#[derive(Clone)]
pub struct Pool {
    inner: Arc<rayon::ThreadPool>,
}

impl Pool {
    /// A pool of `threads` threads, 1 to 256.
    pub fn new(threads: usize) -> Outcome<Self> {
        if !(1..=256).contains(&threads) {
            return Err(Fault::out_of_range("threads", "1 ..= 256", threads));
        }
        rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .thread_name(|i| format!("aios-{i}"))
            .build()
            .map(|inner| Self { inner: Arc::new(inner) })
            .map_err(|e| Fault::Exhausted { what: format!("threads ({e})"), need: threads as u64, have: 0 })
    }

    /// How many threads it has.
    pub fn threads(&self) -> usize {
        self.inner.current_num_threads()
    }

    /// Run `work` on the pool, so that rayon's parallel calls inside of it use these threads; waits for it.
    pub fn run<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        self.inner.install(work)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pool_has_the_size_it_was_given() {
        assert_eq!(Pool::new(2).map(|p| p.threads()).ok(), Some(2));
        assert!(matches!(Pool::new(0), Err(Fault::OutOfRange { .. })));
    }

    #[test]
    fn work_returns_its_value() {
        let pool = Pool::new(2);
        assert_eq!(pool.map(|p| p.run(|| 6 * 7)).ok(), Some(42));
    }
}
