//! What a row of a network may see, and which place its output speaks of: the two switches of MODEL.md §8. Computes nothing.
use crate::cache::Cache;
use foundation::{Fault, Outcome};
use kernels::attention::See;
use std::ops::Range;

/// The largest block of a block-causal network, in tokens.
pub const MAX_BLOCK: usize = 4096;

/// What a row may see. "Kept" is a pass with `See::Causal`, which makes its prefix longer; `See::Canvas` leaves it as it was.
///
/// In `score.json`: `attention`, and beside "block-causal" `attention_block`, the tokens of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Attention {
    /// "prefix causal, canvas bidirectional": a kept row sees what is before it and itself, a row of a canvas the prefix and the whole
    /// canvas. A causal checkpoint is such a network that has kept passes only.
    #[default]
    PrefixCanvas,
    /// "bidirectional": all rows of a pass see each other. Nothing can be kept, as a later row would change what is kept: every
    /// pass is a canvas behind an empty prefix and holds the whole text.
    Bidirectional,
    /// "block-causal": the text is cut into blocks of so many tokens, and a row sees all earlier blocks and its own, in a canvas and in
    /// a kept pass alike. A pass begins where a block begins; a kept one ends where a block ends, so that what is kept is exact.
    BlockCausal(usize),
}

/// Which place the output at a row speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Prediction {
    /// "shifted": the output at position p scores the token at p + 1.
    #[default]
    Shifted,
    /// "same": the output at position p scores the token at p.
    Same,
}

impl Prediction {
    /// How far the place that a row speaks of is from the row's own.
    pub(crate) fn ahead(self) -> f64 {
        match self {
            Self::Shifted => 1.0,
            Self::Same => 0.0,
        }
    }
}

impl Attention {
    /// Refuse a pass of `rows` behind a prefix that this law has no place for.
    pub(crate) fn check(self, see: See, prefix: &Cache, rows: usize) -> Outcome<()> {
        match self {
            Self::PrefixCanvas => Ok(()),
            Self::Bidirectional if see == See::Causal => Err(Fault::Unsupported {
                what: "a causal pass of a bidirectional network".into(),
                instead: "its rows see what comes after them: pass the whole text as a canvas".into(),
            }),
            Self::Bidirectional if !prefix.is_empty() => {
                Err(Fault::out_of_range("the prefix of a bidirectional network", "0 tokens", prefix.len()))
            }
            Self::Bidirectional => Ok(()),
            Self::BlockCausal(block) => {
                let whole = |what: &str, count: usize| match count.is_multiple_of(block) {
                    true => Ok(()),
                    false => Err(Fault::out_of_range(what, format!("whole blocks of {block}"), count)),
                };
                whole("the prefix of a block-causal network", prefix.len())?;
                if see == See::Causal { whole("the rows of a kept pass", rows) } else { Ok(()) }
            }
        }
    }

    /// The parts of a pass of `rows`, and what a row of a part sees of it; of the parts before its own it sees everything.
    pub(crate) fn parts(self, see: See, rows: usize) -> (See, impl Iterator<Item = Range<usize>>) {
        let (see, block) = match self {
            Self::BlockCausal(block) => (See::Canvas, block),
            _ => (see, rows.max(1)),
        };
        (see, (0..rows).step_by(block).map(move |first| first..rows.min(first + block)))
    }
}
