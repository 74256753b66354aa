//! How hard a quantised search looks. A number with a meaning; no search.
use foundation::{Fault, Outcome};

/// How many standard deviations of its code's error a row may seem to lie below the k-th best and still be scored.
///
/// A row at the very border is missed about as often as a normal number lies beyond that many deviations; rows well
/// above it are missed far less. So one effort means about one recall, whatever the data; what changes is the time.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Effort(f32);

impl Effort {
    /// Everything is scored exactly: `Flat`, at the cost of `Flat`.
    pub const ALL: Self = Self(f32::INFINITY);

    /// `OutOfRange` for a number below 0 and for NaN; infinity is `ALL`.
    pub fn deviations(deviations: f32) -> Outcome<Self> {
        if deviations >= 0.0 {
            return Ok(Self(deviations));
        }
        Err(Fault::out_of_range("deviations of an effort", "0 and above", deviations))
    }

    /// The number it was made of.
    pub fn get(self) -> f32 {
        self.0
    }
}

impl Default for Effort {
    /// 3: a recall over .999 at k = 10 of 100,000 normal, clustered and real vectors.
    fn default() -> Self {
        Self(3.0)
    }
}
