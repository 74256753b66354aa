//! One writer a store: a lock that the system drops when its holder dies, and the holder's process id to read.
use foundation::{Fault, Outcome};
use rustix::fs::{FlockOperation, flock};
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::path::Path;

/// Held for as long as it lives; the system lets go of it when the process ends, however it ends.
pub(crate) struct Lock {
    _file: File,
}

impl Lock {
    /// Take the lock at once, or `Conflict` with the process id of the writer that has it.
    pub(crate) fn take(path: &Path) -> Outcome<Self> {
        let at = |e| Fault::io(path, e);
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path).map_err(at)?;
        if let Err(error) = flock(&file, FlockOperation::NonBlockingLockExclusive) {
            if error != rustix::io::Errno::WOULDBLOCK {
                return Err(at(error.into()));
            }
            let mut holder = String::new();
            // An unreadable name does not change that the lock is held.
            let _ = file.read_to_string(&mut holder);
            let holder = if holder.trim().is_empty() { "unknown" } else { holder.trim() };
            let what = format!("the store of {} is held by the writer with the process id {holder}", path.display());
            return Err(Fault::conflict(what, "stop that process, or open the store to read only"));
        }
        file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id())).map_err(at)?;
        Ok(Self { _file: file })
    }
}
