//! The proposal head: streams over the vocabulary in tiles and keeps, for each row, sums and a few candidates. Never the logits.
use crate::choice::Proposal;
use crate::linear::{HeadInput, Matrix};
use crate::operand::Precision;
use crate::race::{Offer, Race};
use crate::tally::{BARRED, Tally, log_sum_of};
use foundation::{Fault, Outcome};
use kernels::aligned::Floats;
use rayon::prelude::*;

/// Tokens of a tile. Fixed, so that sums have one order whatever the number of threads.
const TILE: usize = 256;
/// Rows that go over the vocabulary together.
const ROWS: usize = 64;
/// Below this many rows a thread takes several tiles at a time.
const FEW_ROWS: usize = 4;

/// What is asked of one row of hidden states.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RowAsk<'a> {
    /// The race at its place; none for the arg-max.
    pub race: Option<Race>,
    /// Forbidden tokens, sorted.
    pub forbid: &'a [u32],
    /// The token whose log-probability is wanted.
    pub target: Option<u32>,
}

/// What one tile says of one row.
struct Part {
    tally: Tally,
    offers: Vec<Offer>,
    /// The logits of the tile's forbidden tokens.
    barred: Vec<f32>,
    /// The target's logit, when it lies in the tile.
    target: Option<f32>,
}

#[derive(Default)]
struct Buffers {
    logits: Floats,
    weights: Floats,
}

/// One answer for each row of `hidden` `[rows, width]`, in order.
///
/// Cost: rows x vocabulary x width multiply-adds, one exponential and, when sampling, one hash for each logit. Memory: a tile of
/// `[64, 256]` logits a thread. Errors: `OutOfRange` when a logit is not finite.
pub(crate) fn rows(
    head: &Matrix,
    vocabulary: usize,
    width: usize,
    hidden: &[f32],
    precision: Precision,
    asks: &[RowAsk],
) -> Outcome<Proposal> {
    let mut all = Proposal::default();
    for (hidden, asks) in hidden.chunks(ROWS * width).zip(asks.chunks(ROWS)) {
        let hidden = HeadInput::of(head, hidden, width, precision)?;
        let at_a_time = if asks.len() < FEW_ROWS { 4 } else { 1 };
        let tiles: Vec<Vec<Part>> = (0..vocabulary.div_ceil(TILE))
            .into_par_iter()
            .with_min_len(at_a_time)
            .map_init(Buffers::default, |buffers, tile| {
                let first = tile * TILE;
                over_tile(head, first, TILE.min(vocabulary - first), &hidden, asks, buffers)
            })
            .collect::<Outcome<_>>()?;
        for (row, ask) in asks.iter().enumerate() {
            all.push(&tiles, row, ask)?;
        }
    }
    Ok(all)
}

fn over_tile(
    head: &Matrix,
    first: usize,
    tokens: usize,
    hidden: &HeadInput,
    asks: &[RowAsk],
    buffers: &mut Buffers,
) -> Outcome<Vec<Part>> {
    buffers.logits.resize(asks.len() * tokens);
    buffers.weights.resize(tokens);
    let part = head.part(first, tokens)?;
    // The tiles are split over the threads already.
    kernels::on_this_thread(|| hidden.logits(&part, &mut buffers.logits))?;
    let rows = buffers.logits.chunks_exact_mut(tokens).zip(asks);
    rows.map(|(logits, ask)| Part::of(logits, first as u32, ask, &mut buffers.weights)).collect()
}

impl Part {
    fn of(logits: &mut [f32], first: u32, ask: &RowAsk, weights: &mut [f32]) -> Outcome<Self> {
        let last = first + logits.len() as u32;
        let target = ask.target.filter(|t| (first..last).contains(t)).map(|t| logits[(t - first) as usize]);
        let from = ask.forbid.partition_point(|&t| t < first);
        let to = ask.forbid.partition_point(|&t| t < last);
        let bar = |&t: &u32| std::mem::replace(&mut logits[(t - first) as usize], BARRED);
        let barred = ask.forbid[from..to].iter().map(bar).collect();
        let tally = Tally::of(logits, first, weights)?;
        let offers = match &ask.race {
            Some(race) => race.offers(logits, first, tally.arg, weights)?,
            None => Vec::new(),
        };
        Ok(Self { tally, offers, barred, target })
    }
}

impl Proposal {
    fn push(&mut self, tiles: &[Vec<Part>], row: usize, ask: &RowAsk) -> Outcome<()> {
        let parts = || tiles.iter().map(|tile| &tile[row]);
        let Some(tally) = parts().map(|part| part.tally).reduce(Tally::and) else {
            return Err(Fault::bug("a vocabulary has at least one tile"));
        };
        let log_sum = tally.log_sum();
        if !log_sum.is_finite() {
            return Err(Fault::out_of_range("a logit", "the finite numbers (are the weights whole?)", log_sum));
        }
        let winner = ask.race.and_then(|race| race.winner(parts().flat_map(|part| &part.offers), tally.max));
        let (token, logit) = winner.map_or((tally.arg, tally.max), |offer| (offer.token, offer.logit));
        let target = parts().find_map(|part| part.target).map_or(f64::NAN, |logit| {
            let barred: Vec<f32> = parts().flat_map(|part| part.barred.iter().copied()).collect();
            f64::from(logit) - log_add(log_sum, log_sum_of(&barred))
        });
        self.token.push(token);
        self.log_prob.push((f64::from(logit) - log_sum) as f32);
        self.entropy.push(tally.entropy() as f32);
        self.margin.push(tally.margin() as f32);
        self.target_log_prob.push(target as f32);
        Ok(())
    }

    /// Take the first `rows` answers off.
    pub(crate) fn take(&mut self, rows: usize) -> Self {
        let floats = |all: &mut Vec<f32>| all.drain(..rows).collect();
        Self {
            token: self.token.drain(..rows).collect(),
            log_prob: floats(&mut self.log_prob),
            entropy: floats(&mut self.entropy),
            margin: floats(&mut self.margin),
            target_log_prob: floats(&mut self.target_log_prob),
        }
    }
}

/// ln(exp(a) + exp(b)).
fn log_add(a: f64, b: f64) -> f64 {
    let (more, less) = if a > b { (a, b) } else { (b, a) };
    more + (less - more).exp().ln_1p()
}
