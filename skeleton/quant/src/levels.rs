//! The levels of a scheme in units of its scale, and the codes that stand for them. Fits and packs nothing.
use crate::scheme::Scheme;

/// Levels `least ..= most`, one apart.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Levels {
    pub(crate) least: f32,
    pub(crate) most: f32,
    signed: bool,
}

impl Levels {
    pub(crate) fn of(scheme: Scheme) -> Self {
        let most = (1u32 << scheme.bits()) as f32 - 1.0;
        let (least, most) = match (scheme.bits(), scheme.is_affine()) {
            (_, true) => (0.0, most),
            (2, false) => (-1.5, 1.5),
            (4, false) => (-8.0, 7.0),
            _ => (-127.0, 127.0),
        };
        Self { least, most, signed: scheme.is_signed() }
    }

    /// The level nearest to `v`, in units of the scale.
    pub(crate) fn nearest(self, v: f32) -> f32 {
        (v - self.least).round_ties_even().clamp(0.0, self.most - self.least) + self.least
    }

    /// The code of a level.
    pub(crate) fn code(self, level: f32) -> u8 {
        if self.signed { level as i8 as u8 } else { (level - self.least) as u8 }
    }

    /// The level of a code.
    pub(crate) fn level(self, code: u8) -> f32 {
        if self.signed { f32::from(code as i8) } else { f32::from(code) + self.least }
    }
}
