//! One pass through the trunk as a caller asks for it, and the checks that it must stand before anything is computed.
use crate::cache::Cache;
use crate::spec::Spec;
use foundation::{Fault, Outcome};
use kernels::attention::See;

/// The most rows that all passes of a call may have together.
pub const MAX_ROWS: usize = 1 << 14;
/// The largest position, forwards and backwards.
pub const MAX_POSITION: f32 = 1e7;
/// The largest number in a noisy vector.
pub const MAX_VECTOR: f32 = 1e6;

/// What enters the trunk.
#[derive(Clone, Copy, Debug)]
pub enum Input<'a> {
    /// Token ids `[M]`.
    Tokens(&'a [u32]),
    /// Noisy vectors `x` `[M, channels]` of a kind, each with its own time `[M]`, 0 clean to 1 noise.
    Vectors {
        /// The kind's name in `score.json`.
        kind: &'a str,
        /// The vectors, row after row.
        x: &'a [f32],
        /// Their times.
        time: &'a [f32],
    },
}

/// One pass of M rows behind a prefix. A causal pass of tokens makes the prefix M tokens longer; a canvas leaves it as it was.
#[derive(Debug)]
pub struct Pass<'a> {
    /// The prefix that all rows see.
    pub cache: &'a mut Cache,
    /// What enters.
    pub input: Input<'a>,
    /// First coordinate of each row's position, `[M]`.
    pub rows: &'a [f32],
    /// Second coordinate, `[M]`; for text the same as the first.
    pub columns: &'a [f32],
    /// Whether the pass makes the prefix longer or is a canvas, and with the network's `Attention` what a row sees of it.
    pub see: See,
}

impl Pass<'_> {
    /// How many rows it has.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether it has no rows; such a pass is refused.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    pub(crate) fn causal(&self) -> bool {
        matches!(self.see, See::Causal)
    }

    fn check(&self, spec: &Spec) -> Outcome<()> {
        let rows = self.len();
        if rows == 0 {
            return Err(Fault::shape("a pass", "[M], M at least 1", "[0]"));
        }
        same_length("columns", self.columns.len(), rows)?;
        for (what, positions) in [("a row position", self.rows), ("a column position", self.columns)] {
            within(what, positions, -MAX_POSITION, MAX_POSITION)?;
        }
        self.cache.check(spec, if self.causal() { rows } else { 0 })?;
        spec.attention.check(self.see, self.cache, rows)?;
        match self.input {
            Input::Tokens(ids) => check_tokens(ids, rows, spec),
            Input::Vectors { .. } if self.causal() => Err(Fault::Unsupported {
                what: "a causal pass of vectors".into(),
                instead: "vectors see each other: use a canvas".into(),
            }),
            Input::Vectors { kind, x, time } => {
                let channels = spec.kind(kind)?.channels;
                if x.len() != rows * channels {
                    return Err(Fault::shape(format!("x of {kind}"), format!("[{rows}, {channels}]"), x.len()));
                }
                same_length("time", time.len(), rows)?;
                within("a diffusion time", time, 0.0, 1.0)?;
                within("a number in x", x, -MAX_VECTOR, MAX_VECTOR)
            }
        }
    }
}

/// Refuse passes that the network cannot compute, before any of them has an effect. Gives the number of all rows.
pub(crate) fn check_all(passes: &[Pass], spec: &Spec) -> Outcome<usize> {
    let mut total = 0usize;
    for pass in passes {
        total = total.saturating_add(pass.len());
        if total > MAX_ROWS {
            return Err(Fault::Exhausted { what: "rows of a call".into(), need: total as u64, have: MAX_ROWS as u64 });
        }
        pass.check(spec)?;
    }
    Ok(total)
}

fn check_tokens(ids: &[u32], rows: usize, spec: &Spec) -> Outcome<()> {
    same_length("tokens", ids.len(), rows)?;
    match ids.iter().find(|&&id| id as usize >= spec.vocabulary) {
        Some(id) => Err(Fault::out_of_range("a token", format!("0 ..= {}", spec.vocabulary - 1), id)),
        None => Ok(()),
    }
}

fn same_length(what: &str, got: usize, rows: usize) -> Outcome<()> {
    if got == rows { Ok(()) } else { Err(Fault::shape(what, format!("[{rows}]"), format!("[{got}]"))) }
}

/// Refuse a value outside of `low ..= high`, and what is not a number.
fn within(what: &str, values: &[f32], low: f32, high: f32) -> Outcome<()> {
    match values.iter().find(|v| !(low..=high).contains(*v)) {
        Some(v) => Err(Fault::out_of_range(what, format!("[{low}, {high}]"), v)),
        None => Ok(()),
    }
}
