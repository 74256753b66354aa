//! ArrowStorage: memories in an append log of checksummed Arrow frames that survives kill -9. Searches nothing.
//!
//! A store is a folder. `log` holds frames (see `frame`), each one group commit: a frame is begun only after the one
//! before it was synced: memories stored, or ids forgotten. Its header names the segments that go before it: files that
//! never change, each an Arrow IPC stream (see `segment`). A compaction writes new segments and a `log.new`, and renames
//! that to be the log: so the log's header is the manifest, and one rename changes everything at once. `mark` says how
//! much of the log was acknowledged. `lock` names the writer.
#![deny(missing_docs)]

mod batch;
mod bulk;
mod change;
mod chunk;
mod columns;
mod commit;
mod compact;
mod decode;
mod exchange;
mod frame;
mod keyed;
mod lock;
mod medium;
mod memory;
mod numbers;
mod open;
mod parquet;
mod plan;
mod read;
mod recover;
mod rewrite;
mod segment;
#[cfg(test)]
mod simulated;
mod snapshot;
mod state;
mod store;

pub use memory::{Columns, Memory, Space};
pub use numbers::{Mapped, Mapper, Prepare};
pub use open::{Clock, OpenOptions};
pub use recover::Recovery;
pub use snapshot::Snapshot;
pub use store::{Compact, Format, Store};
