//! Numbers of vectors, in memory of their own or in a file that was mapped. Reads no file; maps by what it is given, for
//! this crate has no unsafe code.
use std::fs::File;
use std::io;
use std::ops::{Deref, Range};
use std::sync::Arc;

/// Bytes of a file that was mapped. What they are must not change for as long as they live, nor where they lie.
pub type Mapped = Arc<dyn AsRef<[u8]> + Send + Sync>;
/// Maps these bytes of a file to be read.
///
/// The store maps only what no writer of ours will change, shorten or write over: segments, and frames of a log that
/// were acknowledged. Whoever shortens such a file from outside takes the memory away from under the process (SIGBUS).
pub type Mapper = fn(&File, Range<u64>) -> io::Result<Mapped>;

/// Makes large memory ready before it is filled, by asking the system for larger pages for instance; changes no number.
pub type Prepare = fn(&mut [f32]);

/// Leaves memory as it is.
pub(crate) fn as_it_is(_: &mut [f32]) {}

/// What the caller gives for the sake of speed.
#[derive(Clone, Copy)]
pub(crate) struct Means {
    pub(crate) prepare: Prepare,
    pub(crate) map: Option<Mapper>,
}

impl Default for Means {
    fn default() -> Self {
        Self { prepare: as_it_is, map: None }
    }
}

impl Means {
    /// So many zeros, in memory that was made ready.
    pub(crate) fn room(self, numbers: usize) -> Vec<f32> {
        let mut room = vec![0.0; numbers];
        (self.prepare)(&mut room);
        room
    }
}

/// Numbers, row by row.
#[derive(Clone)]
pub(crate) enum Numbers {
    Owned(Vec<f32>),
    Mapped { bytes: Mapped, range: Range<usize> },
}

impl Numbers {
    /// The numbers in a part of mapped bytes; `None` where that is no place for little-endian numbers.
    pub(crate) fn mapped(bytes: Mapped, range: Range<usize>) -> Option<Self> {
        let found = (*bytes).as_ref().get(range.clone())?;
        let fit = cfg!(target_endian = "little") && bytemuck::try_cast_slice::<u8, f32>(found).is_ok();
        fit.then_some(Self::Mapped { bytes, range })
    }

    pub(crate) fn is_mapped(&self) -> bool {
        matches!(self, Self::Mapped { .. })
    }

    /// Add numbers, in memory of their own.
    pub(crate) fn extend(&mut self, more: &[f32]) {
        match self {
            Self::Owned(numbers) => numbers.extend_from_slice(more),
            Self::Mapped { .. } => *self = Self::Owned([self, more].concat()),
        }
    }
}

impl Deref for Numbers {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        match self {
            Self::Owned(numbers) => numbers,
            // It was looked at when it was made, and stays what it is.
            Self::Mapped { bytes, range } => {
                let found = (**bytes).as_ref().get(range.clone()).unwrap_or_default();
                bytemuck::try_cast_slice(found).unwrap_or_default()
            }
        }
    }
}

impl Default for Numbers {
    fn default() -> Self {
        Self::Owned(Vec::new())
    }
}

impl From<Vec<f32>> for Numbers {
    fn from(numbers: Vec<f32>) -> Self {
        Self::Owned(numbers)
    }
}

impl PartialEq for Numbers {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl std::fmt::Debug for Numbers {
    fn fmt(&self, into: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(into, "{} numbers{}", self.len(), if self.is_mapped() { ", mapped" } else { "" })
    }
}
