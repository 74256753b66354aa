//! VectorSearch: exact nearest neighbours with filters, and a scan of one-bit codes in front of them.
//!
//! `Flat` is the truth; `Quantised` finds the same hits, but for a named chance of a miss, many times as fast.
#![deny(missing_docs)]

mod bitmap;
mod codes;
mod effort;
mod flat;
mod grouped;
mod groups;
mod nearest;
mod persist;
mod probe;
mod quantised;
mod rotation;
mod sieve;

pub use bitmap::Bitmap;
pub use effort::Effort;
pub use flat::{Flat, Metric};
pub use nearest::Hit;
pub use quantised::Quantised;
