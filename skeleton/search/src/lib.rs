//! VectorSearch: exact nearest neighbours with filters; the truth that faster indexes are tested against.
#![deny(missing_docs)]

mod bitmap;
mod flat;
mod nearest;

pub use bitmap::Bitmap;
pub use flat::{Flat, Metric};
pub use nearest::Hit;
