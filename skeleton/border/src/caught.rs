//! Turns a panic into a fault with an id that the log has too. Knows nothing of Python.
use foundation::{Fault, Outcome};
use std::any::Any;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Run `work`; a panic becomes a `Bug` whose id and text are written to standard error.
///
/// What `work` shares with others must stay whole when it stops half-way: our rooms are immutable or commit at the end.
pub(crate) fn caught<T>(work: impl FnOnce() -> Outcome<T>) -> Outcome<T> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|payload| {
        let id = RandomState::new().build_hasher().finish();
        let text = text_of(payload.as_ref());
        eprintln!("aios: internal error {id:016x}: {text}");
        Err(Fault::bug(format!("{text} (internal error {id:016x})")))
    })
}

fn text_of(payload: &(dyn Any + Send)) -> &str {
    match (payload.downcast_ref::<&str>(), payload.downcast_ref::<String>()) {
        (Some(text), _) => text,
        (None, Some(text)) => text,
        (None, None) => "a panic without words",
    }
}
