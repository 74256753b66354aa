//! ArrowStorage: memories in an append log of checksummed Arrow frames that survives kill -9. Searches nothing.
//!
//! A store is a folder with three files. `log` holds frames (see `frame`), each one group commit: a frame is begun only
//! after the one before it was synced: memories stored, or ids forgotten. A compaction writes what is there into
//! `log.new` and renames it to be the log. `mark` says how much of the log was acknowledged. `lock` names the writer.
#![deny(missing_docs)]

mod change;
mod columns;
mod commit;
mod compact;
mod decode;
mod exchange;
mod frame;
mod lock;
mod medium;
mod memory;
mod open;
mod recover;
#[cfg(test)]
mod simulated;
mod snapshot;
mod state;
mod store;

pub use memory::{Memory, Space};
pub use open::{Clock, OpenOptions};
pub use recover::Recovery;
pub use snapshot::Snapshot;
pub use store::{Compact, Store};
