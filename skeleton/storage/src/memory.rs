//! What is stored: a memory, and the space that all vectors of a store lie in. Knows no file.
use crate::chunk::{never, not_finite};
use foundation::{Fault, Outcome};

/// The largest vector width of a store.
pub(crate) const LARGEST_WIDTH: usize = 65_536;

/// One memory: a text, where it came from, and where it lies in the space of meanings.
#[derive(Clone, Debug, PartialEq)]
pub struct Memory {
    /// Chosen by the caller, unique in the store.
    pub id: u128,
    /// What is remembered.
    pub text: String,
    /// The text's embedding, finite, as wide as the store's space.
    pub vector: Vec<f32>,
    /// Seconds since 1970-01-01 00:00 UTC, finite.
    pub created_unix_s: f64,
    /// Where it came from, in the caller's words.
    pub source: String,
}

impl Memory {
    /// Refuses a vector of another width, and numbers that are not finite.
    pub(crate) fn check(&self, width: usize) -> Outcome<()> {
        if self.vector.len() != width {
            let what = format!("vector of memory {:032x}", self.id);
            return Err(Fault::shape(what, format!("[{width}]"), format!("[{}]", self.vector.len())));
        }
        if let Some((place, value)) = self.vector.iter().enumerate().find(|(_, value)| !value.is_finite()) {
            return Err(not_finite(self.id, place, *value));
        }
        if !self.created_unix_s.is_finite() {
            return Err(never(self.id, self.created_unix_s));
        }
        Ok(())
    }

    /// About how many bytes it takes in a frame; never too low.
    pub(crate) fn size_bytes(&self) -> usize {
        self.text.len() + self.source.len() + 4 * self.vector.len() + 32
    }
}

/// Many memories as columns, borrowed: the quick way in. All are as long as `ids`.
#[derive(Clone, Copy, Debug)]
pub struct Columns<'a> {
    /// Chosen by the caller, unique in the store.
    pub ids: &'a [u128],
    /// What is remembered.
    pub texts: &'a [&'a str],
    /// The texts' embeddings, finite, [len, width] row by row.
    pub vectors: &'a [f32],
    /// Seconds since 1970-01-01 00:00 UTC, finite.
    pub created_unix_s: &'a [f64],
    /// Where each came from, in the caller's words.
    pub sources: &'a [&'a str],
}

impl Columns<'_> {
    /// Refuses columns of unequal lengths and times that are not finite; looks at no vector.
    pub(crate) fn check(&self, width: usize) -> Outcome<()> {
        let rows = self.ids.len();
        let lengths = [
            ("texts", self.texts.len(), rows),
            ("created_unix_s", self.created_unix_s.len(), rows),
            ("sources", self.sources.len(), rows),
            ("vectors", self.vectors.len(), rows.saturating_mul(width)),
        ];
        if let Some((name, got, want)) = lengths.into_iter().find(|(_, got, want)| got != want) {
            return Err(Fault::shape(name, format!("[{want}] for {rows} ids"), format!("[{got}]")));
        }
        match self.created_unix_s.iter().zip(self.ids).find(|(created, _)| !created.is_finite()) {
            Some((created, id)) => Err(never(*id, *created)),
            None => Ok(()),
        }
    }

    /// About how many bytes they take in a frame; never too low.
    pub(crate) fn size_bytes(&self) -> usize {
        let texts = |texts: &[&str]| texts.iter().map(|text| text.len()).sum::<usize>();
        texts(self.texts) + texts(self.sources) + 4 * self.vectors.len() + 32 * self.ids.len()
    }
}

/// The space that vectors lie in, fixed when a store is made: vectors of another space say nothing in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Space {
    /// The name of what makes the vectors, version included.
    pub embedder: String,
    /// How many numbers a vector has, 1 to 65,536.
    pub width: usize,
}

impl Space {
    pub(crate) fn check(&self) -> Outcome<()> {
        if !(1..=LARGEST_WIDTH).contains(&self.width) {
            return Err(Fault::out_of_range("width of a store's vectors", "1 ..= 65536", self.width));
        }
        if self.embedder.is_empty() || self.embedder.len() > 1024 {
            return Err(Fault::out_of_range("length of an embedder's name", "1 ..= 1024 bytes", self.embedder.len()));
        }
        Ok(())
    }
}
