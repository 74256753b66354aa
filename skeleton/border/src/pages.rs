//! Memory for many numbers: on larger pages, where the system gives them, so that fewer are to be found and filled with
//! zeros; or a file's own pages. Changes no number, and is no promise.
use std::fs::File;
use std::io;
use std::ops::Range;
use std::sync::Arc;
use storage::Mapped;

/// Pages of this size are asked for.
const LARGE_PAGE_BYTES: usize = 2 << 20;

/// Ask the system for large pages under `numbers`, before they are written.
#[cfg(target_os = "linux")]
pub(crate) fn on_large_pages(numbers: &mut [f32]) {
    let start = numbers.as_mut_ptr().cast::<u8>();
    let skip = start.align_offset(LARGE_PAGE_BYTES);
    let bytes = size_of_val(numbers).saturating_sub(skip) / LARGE_PAGE_BYTES * LARGE_PAGE_BYTES;
    if bytes > 0 {
        // SAFETY: the range lies within `numbers` (see above), which is borrowed for as long as the call takes; the advice
        // changes how the system backs the range, never what is in it. A refusal changes nothing.
        unsafe { libc::madvise(start.add(skip).cast(), bytes, libc::MADV_HUGEPAGE) };
    }
}

/// Other systems choose by themselves.
#[cfg(not(target_os = "linux"))]
pub(crate) fn on_large_pages(_: &mut [f32]) {}

/// Map these bytes of a file to be read.
pub(crate) fn mapped(file: &File, bytes: Range<u64>) -> io::Result<Mapped> {
    let length = usize::try_from(bytes.end - bytes.start).map_err(io::Error::other)?;
    // SAFETY: the map is read-only and private to its owner. The store asks only for bytes that nothing of ours changes or
    // cuts off: segments, which are replaced by others of another name, and acknowledged frames of a log, which is
    // replaced by a rename; a map keeps the old file.
    let map = unsafe { memmap2::MmapOptions::new().offset(bytes.start).len(length).map(file) }?;
    Ok(Arc::new(map))
}
