//! How a token is chosen at each place, and what is asked and told of the places of a pass. Computes no logits.
use crate::law::Prediction;
use crate::noise::Noise;
use crate::race::Race;
use foundation::{Fault, Outcome};
use std::ops::Range;

/// The coldest temperature above 0, and the hottest.
pub const TEMPERATURES: (f32, f32) = (1e-3, 100.0);

/// How a token is chosen: `temperature` 0 is arg-max with ties to the lower id.
///
/// Above 0 the choice is Gumbel-max with noise that is a pure function of (seed, absolute place, token), so two passes that
/// agree on a distribution agree on the sample, and self-speculation gives the tokens of seeded next-token decoding
/// (Daliri et al. 2024, arXiv:2408.07978). `min_p` leaves out tokens whose probability at temperature 1 is below that share of the
/// likeliest one's (Nguyen et al. 2024, arXiv:2407.01082).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Choice {
    /// 0, or from 0.001 to 100.
    pub temperature: f32,
    /// 0 to 1.
    pub min_p: f32,
    /// The seed of the noise.
    pub seed: u64,
    /// Tokens that are never chosen and count for nothing in log-probability, entropy and margin.
    pub forbid: Vec<u32>,
}

/// What is asked of one pass.
#[derive(Clone, Debug)]
pub struct Ask<'a> {
    /// How tokens are chosen.
    pub choice: &'a Choice,
    /// Which rows of the pass are scored.
    pub rows: Range<usize>,
    /// For each of these rows a token whose log-probability is wanted, or -1.
    pub targets: Option<&'a [i64]>,
}

/// What a pass says of the token after each of the asked rows (of a network with `Prediction::Same`: at each of them). Nats, at temperature 1, without the forbidden tokens.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Proposal {
    /// The chosen token.
    pub token: Vec<u32>,
    /// Its log-probability.
    pub log_prob: Vec<f32>,
    /// Entropy of the distribution.
    pub entropy: Vec<f32>,
    /// Probability of the likeliest token less that of the second.
    pub margin: Vec<f32>,
    /// Log-probability of the target over the whole vocabulary, NaN where none was asked.
    pub target_log_prob: Vec<f32>,
}

impl Choice {
    /// Refuse a choice that cannot be made; gives the forbidden tokens sorted, each once.
    pub(crate) fn check(&self, vocabulary: usize) -> Outcome<Vec<u32>> {
        let (coldest, hottest) = TEMPERATURES;
        if self.temperature != 0.0 && !(coldest..=hottest).contains(&self.temperature) {
            return Err(Fault::out_of_range("temperature", format!("0 or [{coldest}, {hottest}]"), self.temperature));
        }
        if !(0.0..=1.0).contains(&self.min_p) {
            return Err(Fault::out_of_range("min_p", "[0, 1]", self.min_p));
        }
        let mut forbid = self.forbid.clone();
        forbid.sort_unstable();
        forbid.dedup();
        match forbid.last() {
            Some(&id) if id as usize >= vocabulary => {
                Err(Fault::out_of_range("a forbidden token", format!("0 ..= {}", vocabulary - 1), id))
            }
            Some(_) if forbid.len() == vocabulary => {
                Err(Fault::out_of_range("forbidden tokens", "fewer than the vocabulary has", forbid.len()))
            }
            _ => Ok(forbid),
        }
    }

    /// The race at the place that a row at `position` speaks of; none at temperature 0.
    pub(crate) fn race(&self, position: f32, prediction: Prediction) -> Option<Race> {
        let place = (f64::from(position) + prediction.ahead()).round() as i64 as u64;
        (self.temperature > 0.0).then(|| Race::new(Noise::new(self.seed, place), self.temperature, self.min_p))
    }
}

impl Ask<'_> {
    /// Refuse rows that a pass of `rows` does not have, and targets that are no tokens.
    pub(crate) fn check(&self, rows: usize, vocabulary: usize) -> Outcome<()> {
        if self.rows.start > self.rows.end || self.rows.end > rows {
            return Err(Fault::out_of_range("asked rows", format!("0 .. {rows}"), format!("{:?}", self.rows)));
        }
        let Some(targets) = self.targets else { return Ok(()) };
        if targets.len() != self.rows.len() {
            return Err(Fault::shape("targets", format!("[{}]", self.rows.len()), format!("[{}]", targets.len())));
        }
        match targets.iter().find(|&&t| t < -1 || t >= vocabulary as i64) {
            Some(t) => Err(Fault::out_of_range("a target", format!("-1 ..= {}", vocabulary - 1), t)),
            None => Ok(()),
        }
    }
}
