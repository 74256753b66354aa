//! Attention of the passes of a call, each by its network's law over its prefix and itself. Projects and turns nothing.
use crate::law::Attention;
use crate::pass::Pass;
use crate::spec::Spec;
use foundation::Outcome;
use kernels::attention::{self, See};
use rayon::prelude::*;
use std::ops::Range;

/// Keys and values of one pass, `[M, key width]` each, already turned.
#[derive(Clone, Copy)]
pub(crate) struct Own<'a> {
    pub keys: &'a [f32],
    pub values: &'a [f32],
}

/// The mixture of values for the rows `asked` of a pass: out and queries are `[asked, query width]`.
///
/// Stages the pass's keys and values in its cache when they are to be kept, or when they are needed in one piece with the prefix.
pub(crate) fn attend(
    layer: usize,
    spec: &Spec,
    pass: &mut Pass,
    asked: Range<usize>,
    out: &mut [f32],
    queries: &[f32],
    own: Own,
) -> Outcome<()> {
    let whole = asked == (0..pass.len()) && !matches!(spec.attention, Attention::BlockCausal(b) if b < pass.len());
    let in_pieces = !whole && !asked.is_empty();
    if whole {
        let (heads, kv_heads) = (spec.heads, spec.key_value_heads);
        let (see, _) = spec.attention.parts(pass.see, pass.len());
        let (keys, values) = (pass.cache.keys(layer), pass.cache.values(layer));
        attention::attend(out, queries, keys, values, own.keys, own.values, heads, kv_heads, see)?;
    }
    if in_pieces || pass.causal() {
        pass.cache.stage(layer, own.keys, own.values);
    }
    if in_pieces { by_pieces(layer, spec, pass, asked, out, queries) } else { Ok(()) }
}

/// Some rows that see the same parts: their queries, and where what they see ends.
struct Piece<'a> {
    out: &'a mut [f32],
    queries: &'a [f32],
    /// Keys seen, from the prefix's first.
    seen: usize,
    rows: usize,
}

/// As the kernel gives a row the same bits whether a key comes from the prefix or from the pass, a piece of n rows takes the last n of
/// the keys that it sees as its own, and all before them as its prefix.
fn by_pieces(
    layer: usize,
    spec: &Spec,
    pass: &Pass,
    asked: Range<usize>,
    out: &mut [f32],
    queries: &[f32],
) -> Outcome<()> {
    let (see, parts) = spec.attention.parts(pass.see, pass.len());
    let (keys, values) = pass.cache.staged(layer);
    let (mut out, mut queries, mut pieces) = (out, queries, Vec::new());
    for part in parts {
        let (first, end) = (part.start.max(asked.start), part.end.min(asked.end));
        if first >= end {
            continue;
        }
        let count = (end - first) * spec.query_width();
        let (this, rest) = std::mem::take(&mut out).split_at_mut(count);
        let seen = pass.cache.len() + if see == See::Causal { end } else { part.end };
        pieces.push(Piece { out: this, queries: &queries[..count], seen, rows: end - first });
        (out, queries) = (rest, &queries[count..]);
    }
    let width = spec.key_width();
    pieces.into_par_iter().try_for_each(|piece| {
        let (from, to) = ((piece.seen - piece.rows) * width, piece.seen * width);
        attention::attend(
            piece.out,
            piece.queries,
            &keys[..from],
            &values[..from],
            &keys[from..to],
            &values[from..to],
            spec.heads,
            spec.key_value_heads,
            see,
        )
    })
}
