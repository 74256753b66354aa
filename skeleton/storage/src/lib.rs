//! ArrowStorage: memories in an append log of checksummed Arrow frames that survives kill -9. Searches nothing.
//!
//! A store is a folder with three files. `log` holds frames (see `frame`), each one group commit: a frame is begun only
//! after the one before it was synced. `mark` says how much of the log was acknowledged. `lock` names the writer.
#![deny(missing_docs)]

mod columns;
mod commit;
mod decode;
mod frame;
mod lock;
mod medium;
mod memory;
mod recover;
mod state;
mod store;

pub use memory::{Memory, Space};
pub use recover::Recovery;
pub use store::{Clock, OpenOptions, Store};
