//! The one unsafe place: a file mapped into memory, and bytes seen as numbers. Checks nothing of what they mean.
use foundation::{Fault, Outcome};
use std::fs::File;
use std::path::{Path, PathBuf};

/// A file mapped read-only. The first byte lies at a page, so offsets in the file keep their alignment in memory.
pub(crate) struct Map {
    path: PathBuf,
    bytes: memmap2::Mmap,
}

impl Map {
    /// Map the whole file. Costs one system call; pages are read when they are first touched.
    ///
    /// Whoever replaces such a file must do it by rename, as `Writer` does: shortening it in place would take
    /// mapped pages away from under its readers.
    pub(crate) fn open(path: &Path) -> Outcome<Self> {
        let file = File::open(path).map_err(|e| Fault::io(path, e))?;
        let length = file.metadata().map_err(|e| Fault::io(path, e))?.len();
        let length =
            usize::try_from(length).map_err(|_| Fault::corrupt(path, 0, "longer than this machine can address"))?;
        if length == 0 {
            return Err(Fault::corrupt(path, 0, "the file is empty"));
        }
        // SAFETY: the map is private to this value and read-only; the doc above says what a writer must never do,
        // and nothing of ours does it.
        let bytes = unsafe { memmap2::MmapOptions::new().len(length).map(&file) }.map_err(|e| Fault::io(path, e))?;
        Ok(Self { path: path.to_path_buf(), bytes })
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

/// A number type every bit pattern of which is a value, so that aligned bytes may be read as it.
pub(crate) trait Plain: Copy {}
impl Plain for f32 {}
impl Plain for u16 {}
impl Plain for i8 {}

/// `bytes` as numbers, in place; `None` when they do not begin at the type's alignment or do not divide evenly.
pub(crate) fn numbers<T: Plain>(bytes: &[u8]) -> Option<&[T]> {
    // SAFETY: `Plain` types have no padding and no invalid bit pattern, and align_to itself respects alignment.
    let (before, middle, after) = unsafe { bytes.align_to::<T>() };
    (before.is_empty() && after.is_empty()).then_some(middle)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_off_the_alignment_are_not_seen_as_numbers() {
        let words: [f32; 3] = [1.0, -2.5, 3.0];
        let bytes: Vec<u8> = words.iter().flat_map(|w| w.to_le_bytes()).collect();
        let shift = (0..4).find(|s| (bytes.as_ptr() as usize + s).is_multiple_of(4)).unwrap();
        assert!(numbers::<f32>(&bytes[shift..shift + 8]).is_some());
        assert!(numbers::<f32>(&bytes[shift..shift + 7]).is_none());
        assert!(numbers::<f32>(&bytes[shift + 1..shift + 5]).is_none());
        assert_eq!(numbers::<i8>(&[255, 1]), Some(&[-1i8, 1][..]));
    }
}
