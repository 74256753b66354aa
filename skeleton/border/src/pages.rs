//! Memory for many numbers on larger pages, where the system gives them: fewer of them are to be found and filled with
//! zeros. Changes no number, and is no promise.

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
