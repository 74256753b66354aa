//! A query made ready for the codes, and how far their estimates of it may be off. Scans nothing.
//!
//! Scores inside are inner products, less half the squared length of the row where the metric is L2.
use crate::codes::{Turned, sum8};
use crate::effort::Effort;
use crate::flat::Metric;
use crate::rotation::Rotation;
use kernels::popcount::{PLANES, Query};

/// The step between the sixteen levels, in deviations of the query's numbers: the one of least error for normal ones.
/// Source: Max 1960, Quantizing for minimum distortion.
const STEP: f64 = 0.335;
/// 1 - 2 / π: the share of a rotated vector's square that its signs do not hold.
const LOST: f64 = 1.0 - 2.0 / std::f64::consts::PI;
/// Levels lie at -7.5, -6.5, … 7.5 steps.
const MIDDLE: f64 = ((1 << PLANES) - 1) as f64 / 2.0;

/// A query of one metric.
pub(crate) struct Probe {
    metric: Metric,
    effort: f64,
    planes: Vec<u64>,
    start: f32,
    step: f32,
    squared_length: f64,
    /// Squared length of what the levels leave of the query.
    squared_rest: f64,
    /// INT8 codes [padded].
    pub(crate) codes: Vec<i8>,
    /// What an INT8 code is multiplied by.
    pub(crate) scale: f32,
    /// Half of the width of an INT8 estimate's interval, for a row's scale of 1.
    pub(crate) coarse: f32,
}

impl Probe {
    /// A finite query [width].
    pub(crate) fn new(query: &[f32], metric: Metric, rotation: &Rotation, effort: Effort) -> Self {
        let mut turned = Turned::room(rotation);
        turned.take(query, metric, rotation);
        let count = turned.numbers.len();
        let step = (STEP * (turned.squared_length / count as f64).sqrt()) as f32;
        let inverse = if step > 0.0 { 1.0 / f64::from(step) } else { 0.0 };
        let mut planes = vec![0; count / 64 * PLANES];
        let mut rest = vec![0f32; count];
        for (place, &x) in turned.numbers.iter().enumerate() {
            let level = (f64::from(x) * inverse + MIDDLE + 0.5).floor().clamp(0.0, 2.0 * MIDDLE);
            for j in (0..PLANES).filter(|j| level as u64 >> j & 1 == 1) {
                planes[place / 64 * PLANES + j] |= 1 << (place % 64);
            }
            rest[place] = x - ((level - MIDDLE) * f64::from(step)) as f32;
        }
        let mut codes = vec![0; count];
        let scale = turned.to_int8(|place, code| codes[place] = code);
        // Rounding is off by 1/12 of a step's square; no row's codes are longer than 127 each.
        let longest = 127.0 * f64::from(scale);
        let query_codes = turned.squared_length + longest * longest * count as f64;
        Self {
            metric,
            effort: f64::from(effort.get()),
            planes,
            start: (MIDDLE * count as f64 * f64::from(step)) as f32,
            step,
            squared_length: turned.squared_length,
            squared_rest: sum8(&rest, |x| x * x),
            codes,
            scale,
            coarse: (f64::from(effort.get()) * (query_codes / 12.0).sqrt()) as f32,
        }
    }

    /// The query of the scan.
    pub(crate) fn scan(&self) -> Query<'_> {
        Query { planes: &self.planes, start: self.start, step: self.step }
    }

    /// How far a one-bit estimate may be off, for a row's factor of 1, where the row's score is `least` or more.
    ///
    /// Only what of the query stands at right angles to the row is uncertain, and a high score leaves little of that:
    /// |q|² - least² of it for the cosine, and no more than the squared distance for L2.
    pub(crate) fn slack(&self, least: f32) -> f32 {
        let least = f64::from(least);
        let upright = match self.metric {
            Metric::Cosine if least > 0.0 => self.squared_length - least * least,
            Metric::L2 => (self.squared_length - 2.0 * least).min(self.squared_length),
            _ => self.squared_length,
        };
        (self.effort * (LOST * upright.max(0.0) + self.squared_rest).sqrt()) as f32
    }
}
