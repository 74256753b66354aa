//! A token that a caller keeps and a long call reads between its steps; it never interrupts a step.
use crate::{Fault, Outcome};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// Says whether a call should go on. Clones share one state; the deadline is fixed when it is made.
#[derive(Clone, Debug, Default)]
pub struct Cancel {
    withdrawn: Arc<AtomicBool>,
    deadline: Option<Instant>,
}

impl Cancel {
    /// A token that nothing has cancelled yet and no clock ever will.
    pub fn never() -> Self {
        Self::default()
    }

    /// A token that also ends the call when `deadline` has passed.
    pub fn at(deadline: Instant) -> Self {
        Self { withdrawn: Arc::default(), deadline: Some(deadline) }
    }

    /// Withdraw the call; every clone sees it at its next check.
    pub fn cancel(&self) {
        self.withdrawn.store(true, Ordering::Release);
    }

    /// `Ok` while the call should go on, else `Cancelled` or `Deadline`. Costs a load, and a clock read with a deadline.
    pub fn check(&self) -> Outcome<()> {
        if self.withdrawn.load(Ordering::Acquire) {
            return Err(Fault::Cancelled);
        }
        match self.deadline {
            Some(deadline) if Instant::now() >= deadline => Err(Fault::Deadline),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clone_sees_the_withdrawal() {
        let cancel = Cancel::never();
        let clone = cancel.clone();
        assert!(clone.check().is_ok());
        cancel.cancel();
        assert!(matches!(clone.check(), Err(Fault::Cancelled)));
    }

    #[test]
    fn a_passed_deadline_ends_the_call() {
        assert!(matches!(Cancel::at(Instant::now()).check(), Err(Fault::Deadline)));
    }
}
