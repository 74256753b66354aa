//! What the log lies on: a few operations, so that a test can stand in for a disk that fails. Orders nothing.
use crate::numbers::{Mapped, Mapper};
use std::fs::{self, File};
use std::io;
use std::ops::Range;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Bytes of the mark: identity, acknowledged length, CRC-32C of both, four zeros.
pub(crate) const MARK_BYTES: usize = 24;
/// The file names in a store's folder.
pub(crate) const LOG: &str = "log";
/// A log that is being made and has not yet taken the log's place.
pub(crate) const DRAFT: &str = "log.new";

/// A log, its mark and their folder. What was written is durable only after `sync` has returned.
pub(crate) trait Medium: Send {
    /// Write `bytes` at `offset` of the log.
    fn write(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()>;
    /// Read `length` bytes at `offset` of the log.
    fn read(&mut self, offset: u64, length: usize) -> io::Result<Vec<u8>>;
    /// Wait until all that was written to the log is on the disk (fdatasync; F_FULLFSYNC on macOS).
    fn sync(&mut self) -> io::Result<()>;
    /// These bytes of the log mapped, where that can be done.
    fn map(&self, _: Mapper, _: Range<u64>) -> Option<Mapped> {
        None
    }
    /// Cut the log to `length`.
    fn truncate(&mut self, length: u64) -> io::Result<()>;
    /// Note the acknowledged length, without waiting for the disk.
    fn mark(&mut self, mark: [u8; MARK_BYTES]) -> io::Result<()>;
    /// Begin an empty draft beside the log; one that is there is lost.
    fn draft(&mut self) -> io::Result<Box<dyn Draft>>;
    /// Take the draft away.
    fn discard(&mut self) -> io::Result<()>;
    /// Rename the draft to be the log, and write to it from now on. Durable after `sync_folder`.
    fn swap(&mut self) -> io::Result<()>;
    /// Begin an empty file of that name for a segment.
    fn segment(&mut self, name: &str) -> io::Result<Box<dyn Draft>>;
    /// Take the segment of that name away; one that is not there is none. Durable after `sync_folder`.
    fn remove(&mut self, name: &str) -> io::Result<()>;
    /// Wait until the names of the folder are on the disk.
    fn sync_folder(&mut self) -> io::Result<()>;
}

/// A log to be. May be written while the log is.
pub(crate) trait Draft: Send {
    /// Write `bytes` at `offset`.
    fn write(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()>;
    /// Wait until all that was written, and the length, is on the disk.
    fn sync(&mut self) -> io::Result<()>;
    /// These bytes mapped, where that can be done.
    fn map(&self, _: Mapper, _: Range<u64>) -> Option<Mapped> {
        None
    }
}

/// The files of a store.
pub(crate) struct Files {
    pub(crate) folder: PathBuf,
    pub(crate) log: File,
    pub(crate) mark: File,
    pub(crate) draft: Option<File>,
}

impl Medium for Files {
    fn write(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.log.write_all_at(bytes, offset)
    }

    fn read(&mut self, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; length];
        self.log.read_exact_at(&mut bytes, offset).map(|()| bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.log.sync_data()
    }

    fn map(&self, map: Mapper, range: Range<u64>) -> Option<Mapped> {
        map(&self.log, range).ok()
    }

    fn truncate(&mut self, length: u64) -> io::Result<()> {
        self.log.set_len(length)
    }

    fn mark(&mut self, mark: [u8; MARK_BYTES]) -> io::Result<()> {
        self.mark.write_all_at(&mark, 0)
    }

    fn draft(&mut self) -> io::Result<Box<dyn Draft>> {
        let draft = private(&self.folder.join(DRAFT), true)?;
        self.draft = Some(draft.try_clone()?);
        Ok(Box::new(draft))
    }

    fn discard(&mut self) -> io::Result<()> {
        self.draft = None;
        fs::remove_file(self.folder.join(DRAFT))
    }

    fn swap(&mut self) -> io::Result<()> {
        let draft = self.draft.take().ok_or_else(|| io::Error::other("no draft was begun"))?;
        fs::rename(self.folder.join(DRAFT), self.folder.join(LOG))?;
        self.log = draft;
        Ok(())
    }

    fn segment(&mut self, name: &str) -> io::Result<Box<dyn Draft>> {
        Ok(Box::new(private(&self.folder.join(name), true)?))
    }

    fn remove(&mut self, name: &str) -> io::Result<()> {
        match fs::remove_file(self.folder.join(name)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other,
        }
    }

    fn sync_folder(&mut self) -> io::Result<()> {
        sync_folder(&self.folder)
    }
}

impl Draft for File {
    fn write(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.write_all_at(bytes, offset)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_all()
    }

    fn map(&self, map: Mapper, range: Range<u64>) -> Option<Mapped> {
        map(self, range).ok()
    }
}

/// Open a file that only its owner may read, made when it is not there.
pub(crate) fn private(path: &Path, empty: bool) -> io::Result<File> {
    fs::OpenOptions::new().read(true).write(true).create(true).truncate(empty).mode(0o600).open(path)
}

/// Wait until the names in a folder are on the disk.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder).and_then(|folder| folder.sync_all())
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
