//! Which threads a call computes on when several calls come at once. Never changes what is computed, only where.
//!
//! Calls that share a pool's threads piece by piece get in each other's way: a thread that waits for the last piece of one call takes
//! up the whole of another. So with as many calls under way as the pool has threads, each stays on one thread of its own, and
//! nothing is split; with fewer, a call has the pool. At most as many calls as threads are under way; the others wait.
use foundation::pool::Pool;
use foundation::{Cancel, Outcome};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long a waiting call sleeps before it looks at its token.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// The pool of a network and the calls that are under way on it.
pub(crate) struct Turns {
    pool: Pool,
    under_way: AtomicUsize,
    /// Single threads that no call has; made when calls first meet.
    lanes: Mutex<Vec<Pool>>,
    left: Condvar,
}

/// The right to compute; a call gives it back by dropping it.
pub(crate) struct Turn<'t> {
    turns: &'t Turns,
    lane: Option<Pool>,
}

impl Turns {
    pub fn new(pool: Pool) -> Self {
        Self { pool, under_way: AtomicUsize::new(0), lanes: Mutex::default(), left: Condvar::new() }
    }

    pub fn pool(&self) -> &Pool {
        &self.pool
    }

    /// Wait until there is a thread for one call more. Errors: `Cancelled`, `Deadline`.
    pub fn enter(&self, cancel: &Cancel) -> Outcome<Turn<'_>> {
        let mut lanes = self.lock();
        while self.under_way.load(Ordering::Relaxed) >= self.pool.threads() {
            cancel.check()?;
            lanes = self.left.wait_timeout(lanes, LOOK_EVERY).unwrap_or_else(PoisonError::into_inner).0;
        }
        self.under_way.fetch_add(1, Ordering::Relaxed);
        Ok(Turn { turns: self, lane: None })
    }

    /// Whether each call should be on one thread just now. A pool of one thread has nothing to share out.
    pub fn crowded(&self) -> bool {
        let threads = self.pool.threads();
        threads > 1 && self.under_way.load(Ordering::Relaxed) >= threads
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Pool>> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Turn<'_> {
    /// Run `work` on one thread when it is crowded, else on the pool.
    pub fn run<T: Send>(&mut self, crowded: bool, work: impl FnOnce() -> T + Send) -> Outcome<T> {
        if !crowded {
            return Ok(self.turns.pool.run(work));
        }
        if self.lane.is_none() {
            let kept = self.turns.lock().pop();
            self.lane = Some(kept.map_or_else(|| Pool::new(1), Ok)?);
        }
        Ok(self.lane.as_ref().unwrap_or(&self.turns.pool).run(work))
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut lanes = self.turns.lock();
        lanes.extend(self.lane.take());
        self.turns.under_way.fetch_sub(1, Ordering::Relaxed);
        drop(lanes);
        self.turns.left.notify_one();
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use foundation::Fault;

    #[test]
    fn a_call_has_the_pool_until_there_are_as_many_calls_as_threads() {
        let turns = Turns::new(Pool::new(2).unwrap());
        let never = Cancel::never();
        let threads = |turn: &mut Turn<'_>| turn.run(turns.crowded(), rayon::current_num_threads).unwrap();
        let mut first = turns.enter(&never).unwrap();
        assert_eq!(threads(&mut first), 2);
        let mut second = turns.enter(&never).unwrap();
        assert_eq!((threads(&mut first), threads(&mut second)), (1, 1));
        drop(second);
        assert_eq!(threads(&mut first), 2);
    }

    #[test]
    fn a_call_too_many_waits_and_can_be_withdrawn() {
        let turns = Turns::new(Pool::new(1).unwrap());
        let first = turns.enter(&Cancel::never()).unwrap();
        let withdrawn = Cancel::never();
        withdrawn.cancel();
        assert!(matches!(turns.enter(&withdrawn).err(), Some(Fault::Cancelled)));
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| turns.enter(&Cancel::never()).is_ok());
            drop(first);
            assert!(waiting.join().unwrap());
        });
    }
}
