//! Sampling as a race: the token with the largest logit / temperature + Gumbel noise wins. Exact, and nearly all tokens cost one hash.
use crate::noise::Noise;
use crate::tally::{BARRED, weigh};
use foundation::Outcome;

/// How far the float32 weights that rule a token out may be off; their error is far below.
const SLACK: f64 = 1.001;

/// A token that may still win a row, with its score in the race.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Offer {
    pub token: u32,
    pub logit: f32,
    score: f64,
}

/// The race of one row: its noise, temperature and the log of the smallest share of the likeliest token's probability.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Race {
    noise: Noise,
    temperature: f32,
    log_min_p: f64,
}

impl Race {
    /// A race at `temperature` > 0 among the tokens with probability (at temperature 1) of at least `min_p` of the likeliest.
    pub fn new(noise: Noise, temperature: f32, min_p: f32) -> Self {
        Self { noise, temperature, log_min_p: f64::from(min_p).ln() }
    }

    /// The tokens of a tile that may win the row. `top` is the token with the tile's largest logit; `weights` holds
    /// exp(l - max) of the tile and is overwritten.
    ///
    /// A token's waiting time is w = -ln u / exp(l / T), the shortest wins (Gumbel-max in another dress). As -ln u >= 1 - u, a token
    /// with (1 - u) above the rival's time x exp((l - max) / T) cannot win, and its logarithms are never taken. With min_p only `top` may
    /// rule others out: any other rival may itself be out once the row's maximum is known.
    pub fn offers(&self, logits: &[f32], first: u32, top: u32, weights: &mut [f32]) -> Outcome<Vec<Offer>> {
        let max = logits[(top - first) as usize];
        if self.temperature != 1.0 {
            weigh(logits, max, self.temperature, weights)?;
        }
        let least = f64::from(max) + self.log_min_p;
        let everyone_is_in = self.log_min_p == f64::NEG_INFINITY;
        let mut found = vec![self.offer(top, max)];
        let mut reach = self.noise.wait(top) * SLACK;
        for ((token, &logit), &weight) in (first..).zip(logits).zip(weights.iter()) {
            let bound = self.noise.uniform(token);
            if bound >= reach * f64::from(weight) || token == top || logit == BARRED || f64::from(logit) < least {
                continue;
            }
            let offer = self.offer(token, logit);
            if !offer.beats(&found[0]) {
                continue;
            }
            if everyone_is_in {
                found[0] = offer;
                reach = self.noise.wait(token) / f64::from(weight) * SLACK;
            } else {
                found.push(offer);
            }
        }
        Ok(found)
    }

    /// The winner among the offers of all tiles, where `max` is the row's largest logit.
    pub fn winner<'a>(&self, offers: impl Iterator<Item = &'a Offer>, max: f32) -> Option<Offer> {
        let least = f64::from(max) + self.log_min_p;
        offers
            .filter(|o| o.logit != BARRED && f64::from(o.logit) >= least)
            .copied()
            .reduce(|best, o| if o.beats(&best) { o } else { best })
    }

    fn offer(&self, token: u32, logit: f32) -> Offer {
        let score = f64::from(logit) / f64::from(self.temperature) + self.noise.gumbel(token);
        Offer { token, logit, score }
    }
}

impl Offer {
    fn beats(&self, other: &Self) -> bool {
        self.score > other.score || (self.score == other.score && self.token < other.token)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tally::Tally;
    use proptest::prelude::*;

    fn race_in_tiles(race: &Race, logits: &[f32], tile: usize) -> u32 {
        let mut offers = Vec::new();
        let mut max = f32::NEG_INFINITY;
        for (i, logits) in logits.chunks(tile).enumerate() {
            let mut weights = vec![0.0; logits.len()];
            let tally = Tally::of(logits, (i * tile) as u32, &mut weights).unwrap();
            offers.extend(race.offers(logits, (i * tile) as u32, tally.arg, &mut weights).unwrap());
            max = max.max(tally.max);
        }
        race.winner(offers.iter(), max).unwrap().token
    }

    fn race_in_full(race: &Race, logits: &[f32], min_p: f64) -> u32 {
        let max = logits.iter().fold(f32::NEG_INFINITY, |m, &l| m.max(l));
        let mut best: Option<Offer> = None;
        for (token, &logit) in (0..).zip(logits) {
            let offer = race.offer(token, logit);
            let is_in = f64::from(logit) >= f64::from(max) + min_p.ln();
            if is_in && best.is_none_or(|b| offer.beats(&b)) {
                best = Some(offer);
            }
        }
        best.unwrap().token
    }

    proptest! {
        #[test]
        fn ruling_tokens_out_never_changes_the_winner(
            seed in any::<u64>(),
            logits in prop::collection::vec(-12.0f32..12.0, 1..700),
            temperature in prop::sample::select(vec![0.01f32, 0.3, 0.7, 1.0, 1.5, 10.0]),
            min_p in prop::sample::select(vec![0.0f32, 1e-6, 0.02, 0.1, 1.0]),
        ) {
            let race = Race::new(Noise::new(seed, 9), temperature, min_p);
            prop_assert_eq!(race_in_tiles(&race, &logits, 64), race_in_full(&race, &logits, f64::from(min_p)));
        }
    }

    #[test]
    fn samples_follow_the_softmax_of_the_logits() {
        let logits = [1.0f32, 0.0, -1.0, 2.0, 0.5, -3.0, 0.3, 1.2];
        for temperature in [0.7f32, 1.0, 1.6] {
            let p: Vec<f64> = logits.iter().map(|&l| (f64::from(l) / f64::from(temperature)).exp()).collect();
            let total: f64 = p.iter().sum();
            let (draws, mut counts) = (200_000u64, [0u64; 8]);
            for place in 0..draws {
                let race = Race::new(Noise::new(11, place), temperature, 0.0);
                counts[race_in_tiles(&race, &logits, 3) as usize] += 1;
            }
            let expected = p.iter().map(|p| p / total * draws as f64);
            let chi: f64 = counts.iter().zip(expected).map(|(&n, e)| (n as f64 - e).powi(2) / e).sum();
            assert!(chi < 24.3, "chi-square {chi} with 7 degrees of freedom, 24.3 is passed once in a thousand");
        }
    }
}
