//! The truth of peaks and sums.
use super::Peaks;
use crate::lanes::LANES;

#[inline(always)]
pub(super) fn peaks(x: &[f32], found: &mut Peaks) {
    // Each lane keeps its two largest; the lanes' are then met one by one.
    let (mut first, mut second) = ([f32::NEG_INFINITY; LANES], [f32::NEG_INFINITY; LANES]);
    let (blocks, tail) = x.as_chunks::<LANES>();
    for block in blocks {
        for i in 0..LANES {
            let lower = if block[i] < first[i] { block[i] } else { first[i] };
            second[i] = if lower > second[i] { lower } else { second[i] };
            first[i] = if block[i] > first[i] { block[i] } else { first[i] };
        }
    }
    let mut meet = |value: f32| {
        if value > found.first {
            (found.first, found.second) = (value, found.first);
        } else if value > found.second {
            found.second = value;
        }
    };
    first.into_iter().chain(second).chain(tail.iter().copied()).for_each(&mut meet);
    let top = found.first;
    let whole = blocks.iter().position(|block| block.contains(&top)).unwrap_or(blocks.len()) * LANES;
    found.place = x[whole..].iter().position(|&v| v == top).map_or(0, |place| whole + place);
}

#[inline(always)]
pub(super) fn sums(x: &[f32], weights: &[f32], top: f32, both: &mut (f64, f64)) {
    let (mut sums, mut tilts) = ([0.0f64; LANES], [0.0f64; LANES]);
    let ((blocks, tail), (weight_blocks, weight_tail)) = (x.as_chunks::<LANES>(), weights.as_chunks::<LANES>());
    for (x, w) in blocks.iter().zip(weight_blocks) {
        for i in 0..LANES {
            sums[i] += f64::from(w[i]);
            tilts[i] += f64::from((x[i] - top) * w[i]);
        }
    }
    for (i, (x, w)) in tail.iter().zip(weight_tail).enumerate() {
        sums[i] += f64::from(*w);
        tilts[i] += f64::from((x - top) * w);
    }
    *both = (fold(sums), fold(tilts));
}

/// Fold lanes: i with i + 8, then + 4, + 2, + 1.
#[inline(always)]
fn fold(mut lanes: [f64; LANES]) -> f64 {
    let mut half = LANES / 2;
    while half > 0 {
        for i in 0..half {
            lanes[i] += lanes[i + half];
        }
        half /= 2;
    }
    lanes[0]
}
