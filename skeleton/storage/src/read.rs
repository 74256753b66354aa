//! Bytes of a file read where they are wanted: small parts through a window, vectors by several threads straight into
//! their place with their checksum. Knows no frames.
use std::fs::File;
use std::io;
use std::num::NonZero;
use std::os::unix::fs::FileExt;
use std::thread;

/// Numbers that one thread reads, sums and looks at before it goes on: they stay in its cache.
const BLOCK: usize = 1 << 16;
/// Fewer numbers than these are not worth a second thread.
const SHARE: usize = 1 << 20;
/// More threads than these do not read faster.
const MOST_THREADS: usize = 4;
/// Bytes that a window reads ahead.
const WINDOW: usize = 1 << 20;

/// Something that can be read at any place, by several threads.
pub(crate) trait Source: Sync {
    /// Fill `bytes` from `offset` on; an error where there are too few.
    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> io::Result<()>;
}

impl Source for File {
    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        self.read_exact_at(bytes, offset)
    }
}

impl Source for &[u8] {
    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        let found = start.checked_add(bytes.len()).and_then(|end| self.get(start..end));
        bytes.copy_from_slice(found.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }
}

/// A source up to a length that was looked up once, read ahead a little.
pub(crate) struct Window<'a> {
    pub(crate) source: &'a dyn Source,
    pub(crate) length: u64,
    start: u64,
    bytes: Vec<u8>,
}

impl<'a> Window<'a> {
    pub(crate) fn new(source: &'a dyn Source, length: u64) -> Self {
        Self { source, length, start: 0, bytes: Vec::new() }
    }

    /// The bytes at `offset`, fewer than `count` where the source ends.
    pub(crate) fn at(&mut self, offset: u64, count: usize) -> io::Result<&[u8]> {
        let left = usize::try_from(self.length.saturating_sub(offset)).unwrap_or(usize::MAX);
        let count = count.min(left);
        if count == 0 {
            return Ok(&[]);
        }
        let within = offset.checked_sub(self.start).and_then(|skip| usize::try_from(skip).ok());
        let place = within.filter(|skip| skip.checked_add(count).is_some_and(|end| end <= self.bytes.len()));
        let skip = match place {
            Some(skip) => skip,
            None => {
                self.bytes.clear();
                self.bytes.resize(count.max(WINDOW).min(left), 0);
                self.start = offset;
                self.source.read_at(offset, &mut self.bytes)?;
                0
            }
        };
        Ok(&self.bytes[skip..skip + count])
    }
}

impl Window<'_> {
    /// Bytes that were read ahead already.
    pub(crate) fn held(&self, offset: u64, count: usize) -> Option<&[u8]> {
        let skip = usize::try_from(offset.checked_sub(self.start)?).ok()?;
        self.bytes.get(skip..skip.checked_add(count)?)
    }

    /// Bytes read anew, as they are now.
    pub(crate) fn source_at(&self, offset: u64, count: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; count];
        self.source.read_at(offset, &mut bytes).map(|()| bytes)
    }
}

/// What came of reading numbers.
pub(crate) struct Numbers {
    /// CRC-32C of their bytes.
    pub(crate) checksum: u32,
    /// The first that is not finite.
    pub(crate) bad: Option<usize>,
}

/// Fill `into` with the little-endian numbers at `offset`, by as many threads as it is worth.
pub(crate) fn numbers(source: &dyn Source, offset: u64, into: &mut [f32]) -> io::Result<Numbers> {
    let most = thread::available_parallelism().map_or(1, NonZero::get).min(MOST_THREADS);
    let threads = (into.len() / SHARE).clamp(1, most);
    if threads == 1 {
        return share(source, offset, into);
    }
    let length = into.len().div_ceil(threads);
    let (first, others) = into.split_at_mut(length);
    let read = thread::scope(|scope| {
        let place = |part: usize| offset + 4 * (part * length) as u64;
        let start = |(part, numbers)| scope.spawn(move || share(source, place(part + 1), numbers));
        let others: Vec<_> = others.chunks_mut(length).enumerate().map(start).collect();
        let mut read = vec![share(source, offset, first)];
        read.extend(others.into_iter().map(|other| other.join().unwrap_or_else(|_| Err(io::Error::other("a panic")))));
        read
    });
    let mut all = Numbers { checksum: 0, bad: None };
    for (part, read) in read.into_iter().enumerate() {
        let Numbers { checksum, bad } = read?;
        let count = length.min(into.len() - part * length);
        all.checksum = crc32c::crc32c_combine(all.checksum, checksum, 4 * count);
        all.bad = all.bad.or(bad.map(|place| part * length + place));
    }
    Ok(all)
}

fn share(source: &dyn Source, offset: u64, into: &mut [f32]) -> io::Result<Numbers> {
    let mut all = Numbers { checksum: 0, bad: None };
    for (block, numbers) in into.chunks_mut(BLOCK).enumerate() {
        let bytes: &mut [u8] = bytemuck::cast_slice_mut(numbers);
        source.read_at(offset + 4 * (block * BLOCK) as u64, bytes)?;
        all.checksum = crc32c::crc32c_append(all.checksum, bytes);
        if all.bad.is_none() {
            all.bad = not_finite(numbers).map(|place| block * BLOCK + place);
        }
    }
    Ok(all)
}

/// The first number that is not finite; quick where all are.
pub(crate) fn not_finite(numbers: &[f32]) -> Option<usize> {
    // A loop without a way out is one that the compiler does many numbers at a time.
    let all = numbers.chunks(1024).position(|some| some.iter().fold(false, |bad, value| bad | !value.is_finite()))?;
    let start = all * 1024;
    numbers[start..].iter().position(|value| !value.is_finite()).map(|place| start + place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_the_same_however_many_threads_read_them() {
        let count = 2 * SHARE + 77;
        let numbers: Vec<f32> = (0..count).map(|i| (i % 997) as f32).collect();
        let mut bytes = vec![9u8; 13];
        bytes.extend_from_slice(bytemuck::cast_slice(&numbers));
        let mut read = vec![0.0; count];
        let found = super::numbers(&&bytes[..], 13, &mut read).unwrap();
        assert_eq!((found.checksum, found.bad), (crc32c::crc32c(&bytes[13..]), None));
        assert_eq!(read, numbers);
        let place = count - 5;
        bytes[13 + 4 * place..][..4].copy_from_slice(&f32::NAN.to_le_bytes());
        assert_eq!(super::numbers(&&bytes[..], 13, &mut read).unwrap().bad, Some(place));
        assert!(super::numbers(&&bytes[..], 14, &mut read).is_err());
    }

    #[test]
    fn a_window_gives_what_is_there_and_no_more() {
        let bytes: Vec<u8> = (0..=255).collect();
        let whole = &bytes[..];
        let mut window = Window::new(&whole, 200);
        assert_eq!(window.at(190, 50).unwrap(), &bytes[190..200]);
        assert_eq!(window.at(3, 4).unwrap(), &bytes[3..7]);
        assert_eq!(window.at(300, 4).unwrap(), &[] as &[u8]);
    }
}
