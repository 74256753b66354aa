//! What every room of the skeleton stands on: faults, cancellation, the thread pool. No arithmetic, no files.
#![deny(missing_docs)]

pub mod cancel;
pub mod fault;
pub mod pool;

pub use cancel::Cancel;
pub use fault::{Fault, Outcome};
