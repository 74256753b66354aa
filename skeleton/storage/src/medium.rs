//! What the log lies on: three operations, so that a test can stand in for a disk that fails. Orders nothing.
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// Bytes of the mark: identity, acknowledged length, CRC-32C of both, four zeros.
pub(crate) const MARK_BYTES: usize = 24;

/// A log and its mark. What was written is durable only after `sync` has returned.
pub(crate) trait Medium: Send {
    /// Write `bytes` at `offset` of the log.
    fn write(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()>;
    /// Wait until all that was written to the log is on the disk (fdatasync; F_FULLFSYNC on macOS).
    fn sync(&mut self) -> io::Result<()>;
    /// Cut the log to `length`.
    fn truncate(&mut self, length: u64) -> io::Result<()>;
    /// Note the acknowledged length, without waiting for the disk.
    fn mark(&mut self, mark: [u8; MARK_BYTES]) -> io::Result<()>;
}

/// The files of a store.
pub(crate) struct Files {
    pub(crate) log: File,
    pub(crate) mark: File,
}

impl Medium for Files {
    fn write(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.log.write_all_at(bytes, offset)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.log.sync_data()
    }

    fn truncate(&mut self, length: u64) -> io::Result<()> {
        self.log.set_len(length)
    }

    fn mark(&mut self, mark: [u8; MARK_BYTES]) -> io::Result<()> {
        self.mark.write_all_at(&mark, 0)
    }
}

/// The mark's bytes for a store and its acknowledged length.
pub(crate) fn encode_mark(identity: u64, length: u64) -> [u8; MARK_BYTES] {
    let mut bytes = [0u8; MARK_BYTES];
    bytes[..8].copy_from_slice(&identity.to_le_bytes());
    bytes[8..16].copy_from_slice(&length.to_le_bytes());
    let checksum = crc32c::crc32c(&bytes[..16]);
    bytes[16..20].copy_from_slice(&checksum.to_le_bytes());
    bytes
}

/// Identity and acknowledged length, or `None` for bytes that are no whole mark.
pub(crate) fn decode_mark(bytes: &[u8]) -> Option<(u64, u64)> {
    let bytes: &[u8; MARK_BYTES] = bytes.first_chunk()?;
    let word = |at: usize| bytes[at..at + 8].try_into().ok().map(u64::from_le_bytes);
    let checksum = crc32c::crc32c(&bytes[..16]).to_le_bytes();
    if bytes[16..20] != checksum || bytes[20..] != [0; 4] {
        return None;
    }
    Some((word(0)?, word(8)?))
}
