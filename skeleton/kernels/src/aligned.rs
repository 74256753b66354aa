//! Numbers that begin where a line of the cache begins, so that no register of them crosses two lines. No arithmetic.
use std::ops::{Deref, DerefMut};

/// Numbers in one line of the cache.
const LINE: usize = 16;

#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
struct Line([f32; LINE]);

/// A growing list of f32 that begins at a multiple of 64 bytes. A width that 16 divides keeps every row there.
#[derive(Clone, Debug, Default)]
pub struct Floats {
    lines: Vec<Line>,
    len: usize,
}

impl Floats {
    /// `len` zeros.
    pub fn zeros(len: usize) -> Self {
        Self { lines: vec![Line([0.0; LINE]); len.div_ceil(LINE)], len }
    }

    /// Make it `len` long; what is new is unspecified, but initialised.
    pub fn resize(&mut self, len: usize) {
        self.lines.resize(len.div_ceil(LINE), Line([0.0; LINE]));
        self.len = len;
    }

    /// Append `numbers`; the room doubles when it is used up.
    pub fn extend_from_slice(&mut self, numbers: &[f32]) {
        let from = self.len;
        self.resize(from + numbers.len());
        self[from..].copy_from_slice(numbers);
    }

    /// Forget all from `len` on.
    pub fn truncate(&mut self, len: usize) {
        if len < self.len {
            self.resize(len);
        }
    }
}

impl Deref for Floats {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        // SAFETY: a line is sixteen f32 without padding, all initialised, and `len` of them are in the lines.
        unsafe { std::slice::from_raw_parts(self.lines.as_ptr().cast(), self.len) }
    }
}

impl DerefMut for Floats {
    fn deref_mut(&mut self) -> &mut [f32] {
        // SAFETY: as in `deref`; borrowed exclusively.
        unsafe { std::slice::from_raw_parts_mut(self.lines.as_mut_ptr().cast(), self.len) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_begins_at_a_line_and_grows_as_a_list_does() {
        let mut floats = Floats::zeros(3);
        floats[2] = 5.0;
        floats.extend_from_slice(&[7.0; 40]);
        assert_eq!(floats.as_ptr() as usize % 64, 0);
        assert_eq!((floats.len(), floats[2], floats[3], floats[42]), (43, 5.0, 7.0, 7.0));
        floats.truncate(4);
        floats.truncate(9);
        assert_eq!(&floats[..], &[0.0, 0.0, 5.0, 7.0]);
    }
}
