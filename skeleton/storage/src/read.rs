//! Bytes of a file read where they are wanted: small parts through a window, vectors by several threads straight into
//! their place with their checksum. Knows no frames.
use crate::numbers::{Mapped, Mapper, Means};
use std::fs::File;
use std::io;
use std::num::NonZero;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::thread;

/// Numbers that one thread reads, sums and looks at before it goes on: they stay in its cache.
const BLOCK: usize = 1 << 16;
/// Fewer numbers than these are not worth a second thread.
const SHARE: usize = 1 << 20;
/// More threads than these do not read faster.
const MOST_THREADS: usize = 4;
/// Fewer bytes than these are read, not mapped.
pub(crate) const FEWEST_MAPPED: u64 = 1 << 20;
/// Bytes that a window reads ahead.
const WINDOW: usize = 1 << 20;

/// Something that can be read at any place, by several threads.
pub(crate) trait Source: Sync {
    /// Fill `bytes` from `offset` on; an error where there are too few.
    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> io::Result<()>;

    /// These bytes mapped, where that can be done.
    fn map(&self, _: Mapper, _: Range<u64>) -> Option<Mapped> {
        None
    }
}

impl Source for File {
    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        self.read_exact_at(bytes, offset)
    }

    fn map(&self, map: Mapper, range: Range<u64>) -> Option<Mapped> {
        map(self, range).ok()
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
    pub(crate) means: Means,
    /// Nobody changes or takes away what lies before this byte.
    pub(crate) settled: u64,
    start: u64,
    bytes: Vec<u8>,
}

impl<'a> Window<'a> {
    pub(crate) fn new(source: &'a dyn Source, length: u64) -> Self {
        Self { source, length, means: Means::default(), settled: 0, start: 0, bytes: Vec::new() }
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
    /// These bytes mapped, if they are many and stay as they are.
    pub(crate) fn mapped(&self, bytes: Range<u64>) -> Option<Mapped> {
        let many = bytes.end - bytes.start >= FEWEST_MAPPED && bytes.end <= self.settled.min(self.length);
        let mapped = self.source.map(self.means.map.filter(|_| many)?, bytes.clone())?;
        ((*mapped).as_ref().len() as u64 == bytes.end - bytes.start).then_some(mapped)
    }

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
pub(crate) struct Seen {
    /// CRC-32C of their bytes.
    pub(crate) checksum: u32,
    /// The first that is not finite.
    pub(crate) bad: Option<usize>,
}

/// Fill `into` with the little-endian numbers at `offset`, by as many threads as it is worth.
pub(crate) fn numbers(source: &dyn Source, offset: u64, into: &mut [f32]) -> io::Result<Seen> {
    let (all, length) = (into.len(), share_of(into.len()));
    let shares = into.chunks_mut(length).enumerate();
    together(shares, all, length, |(part, numbers)| fill(source, offset + 4 * (part * length) as u64, numbers))
}

/// Sum the bytes of numbers that are there, by as many threads as it is worth.
pub(crate) fn look(numbers: &[f32]) -> io::Result<Seen> {
    let length = share_of(numbers.len());
    together(numbers.chunks(length), numbers.len(), length, |numbers| {
        let mut all = Seen { checksum: 0, bad: None };
        numbers.chunks(BLOCK).enumerate().for_each(|(block, numbers)| all.add(numbers, block * BLOCK));
        Ok(all)
    })
}

/// How many of the numbers each thread takes.
fn share_of(numbers: usize) -> usize {
    let most = thread::available_parallelism().map_or(1, NonZero::get).min(MOST_THREADS);
    numbers.div_ceil((numbers / SHARE).clamp(1, most)).max(1)
}

/// Do the work on each share, one of them in this thread; what came of all of them, each but the last `length` long.
fn together<T: Send>(
    mut shares: impl Iterator<Item = T>,
    count: usize,
    length: usize,
    work: impl Fn(T) -> io::Result<Seen> + Sync,
) -> io::Result<Seen> {
    let (work, first) = (&work, shares.next());
    let seen = thread::scope(|scope| {
        let others: Vec<_> = shares.map(|share| scope.spawn(move || work(share))).collect();
        let mut seen: Vec<io::Result<Seen>> = first.map(work).into_iter().collect();
        seen.extend(others.into_iter().map(|other| other.join().unwrap_or_else(|_| Err(io::Error::other("a panic")))));
        seen
    });
    let mut all = Seen { checksum: 0, bad: None };
    for (part, seen) in seen.into_iter().enumerate() {
        let Seen { checksum, bad } = seen?;
        all.checksum = match part {
            0 => checksum,
            _ => crc32c::crc32c_combine(all.checksum, checksum, 4 * length.min(count - part * length)),
        };
        all.bad = all.bad.or(bad.map(|place| part * length + place));
    }
    Ok(all)
}

fn fill(source: &dyn Source, offset: u64, into: &mut [f32]) -> io::Result<Seen> {
    let mut all = Seen { checksum: 0, bad: None };
    for (block, numbers) in into.chunks_mut(BLOCK).enumerate() {
        source.read_at(offset + 4 * (block * BLOCK) as u64, bytemuck::cast_slice_mut(numbers))?;
        all.add(numbers, block * BLOCK);
    }
    Ok(all)
}

impl Seen {
    /// Go on with a block of numbers, the first of which is at `place`.
    fn add(&mut self, numbers: &[f32], place: usize) {
        self.checksum = crc32c::crc32c_append(self.checksum, bytemuck::cast_slice(numbers));
        if self.bad.is_none() {
            self.bad = not_finite(numbers).map(|bad| place + bad);
        }
    }
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
