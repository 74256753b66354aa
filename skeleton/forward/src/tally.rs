//! What a row's logits add up to, tile by tile of the vocabulary: maximum, runner-up, mass, entropy. Chooses nothing.
use foundation::Outcome;
use kernels::{exp, peaks};

/// The logit of a token that must not be chosen; below every real one, and its weight is 0.
pub(crate) const BARRED: f32 = -f32::MAX;

/// Partial sums over some tokens of one row, float64 about their maximum.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tally {
    /// The largest logit.
    pub max: f32,
    /// The lowest token that has it.
    pub arg: u32,
    /// The second largest, equal to the largest on a tie.
    pub second: f32,
    /// Sum of exp(l - max).
    pub sum: f64,
    /// Sum of (l - max) exp(l - max).
    pub tilt: f64,
}

impl Tally {
    /// Tally a tile whose first token is `first`; leaves exp(l - max) in `weights`.
    pub fn of(logits: &[f32], first: u32, weights: &mut [f32]) -> Outcome<Self> {
        let peaks = peaks::peaks(logits)?;
        weigh(logits, peaks.first, 1.0, weights)?;
        let (sum, tilt) = peaks::sums(logits, weights, peaks.first)?;
        Ok(Self { max: peaks.first, arg: first + peaks.place as u32, second: peaks.second, sum, tilt })
    }

    /// This tally and that of the tokens after it, as one.
    pub fn and(self, later: Self) -> Self {
        let (a, b) = (self, later);
        let max = a.max.max(b.max);
        let moved = |t: Self| {
            let down = f64::from(t.max) - f64::from(max);
            let scale = down.exp();
            (scale * t.sum, scale * (t.tilt + down * t.sum))
        };
        let ((sum_a, tilt_a), (sum_b, tilt_b)) = (moved(a), moved(b));
        let (arg, second) = if b.max > a.max { (b.arg, a.max.max(b.second)) } else { (a.arg, b.max.max(a.second)) };
        Self { max, arg, second, sum: sum_a + sum_b, tilt: tilt_a + tilt_b }
    }

    /// ln of the sum of exp(l), nats.
    pub fn log_sum(&self) -> f64 {
        f64::from(self.max) + self.sum.ln()
    }

    /// Entropy of the distribution, nats.
    pub fn entropy(&self) -> f64 {
        (self.sum.ln() - self.tilt / self.sum).max(0.0)
    }

    /// Probability of the first token less that of the second.
    pub fn margin(&self) -> f64 {
        (1.0 - (f64::from(self.second) - f64::from(self.max)).exp()) / self.sum
    }
}

/// ln of the sum of exp(l) over a handful of logits, nats; minus infinity over none.
pub(crate) fn log_sum_of(logits: &[f32]) -> f64 {
    let max = logits.iter().fold(f64::NEG_INFINITY, |m, &l| m.max(f64::from(l)));
    if max == f64::NEG_INFINITY {
        return max;
    }
    max + logits.iter().map(|&l| (f64::from(l) - max).exp()).sum::<f64>().ln()
}

/// exp((l - max) / temperature) for each logit.
pub(crate) fn weigh(logits: &[f32], max: f32, temperature: f32, weights: &mut [f32]) -> Outcome<()> {
    if temperature == 1.0 {
        weights.copy_from_slice(logits);
        return exp::exp(weights, max);
    }
    let rate = 1.0 / temperature;
    weights.iter_mut().zip(logits).for_each(|(w, &l)| *w = (l - max) * rate);
    exp::exp(weights, 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_together_say_what_the_whole_says() {
        let logits: Vec<f32> = (0..1000).map(|i| ((i * 7919) % 1000) as f32 * 0.02 - 10.0).collect();
        let p: Vec<f64> = logits.iter().map(|&l| f64::from(l).exp()).collect();
        let total: f64 = p.iter().sum();
        let entropy: f64 = p.iter().map(|p| -(p / total) * (p / total).ln()).sum();
        let mut weights = vec![0.0; 64];
        let tally = (0..1000)
            .step_by(64)
            .map(|i| Tally::of(&logits[i..(i + 64).min(1000)], i as u32, &mut weights[..64.min(1000 - i)]).unwrap())
            .reduce(Tally::and)
            .unwrap();
        assert!((tally.log_sum() - total.ln()).abs() < 1e-6);
        assert!((tally.entropy() - entropy).abs() < 1e-6);
    }

    #[test]
    fn ties_go_to_the_lower_token_and_leave_no_margin() {
        let mut weights = [0.0; 2];
        let tally = Tally::of(&[1.0, 2.0], 0, &mut weights).unwrap();
        let tally = tally.and(Tally::of(&[2.0, 0.0], 2, &mut weights).unwrap());
        assert_eq!((tally.arg, tally.second, tally.margin()), (1, 2.0, 0.0));
    }

    #[test]
    fn a_barred_tile_weighs_nothing() {
        let mut weights = [0.0; 2];
        let barred = Tally::of(&[BARRED, BARRED], 0, &mut weights).unwrap();
        let tally = barred.and(Tally::of(&[0.0, BARRED], 2, &mut weights).unwrap());
        assert_eq!((tally.arg, tally.sum, tally.entropy(), tally.margin()), (2, 1.0, 0.0, 1.0));
    }
}
