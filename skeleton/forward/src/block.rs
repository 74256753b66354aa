//! One block of the trunk over the rows of all passes: attention, then the gated unit, each added to the residual stream.
use crate::attend::{self, Own};
use crate::body::BlockTensors;
use crate::linear::apply_all;
use crate::pass::Pass;
use crate::rows::per_part;
use crate::scratch::{CHUNK, Scratch};
use crate::spec::{HEAD_SIZE, Spec};
use foundation::Outcome;
use kernels::{norm, rope, silu};
use rayon::prelude::*;
use std::ops::Range;

/// Where a block stands and which of its rows are wanted.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    pub layer: usize,
    /// Whether the block before has left something in `scratch.added`.
    pub pending: bool,
    /// The rows of each pass among those of all.
    pub ranges: &'a [Range<usize>],
    /// Those of them that are wanted; equal to `ranges` in all blocks but the last.
    pub asked: &'a [Range<usize>],
}

/// Run a block on `scratch.x`, whose rows are those of the passes, one after the other.
///
/// Keys and values are computed for all rows, the rest for the asked ones, and `scratch` has only those afterwards.
/// What the block's second half adds is left in `scratch.added`, for the next norm to add while it reads the row. New keys and values of causal passes are staged in their caches.
/// Source: MODEL.md §2.
pub(crate) fn run(
    tensors: &BlockTensors,
    place: Place,
    spec: &Spec,
    passes: &mut [Pass],
    s: &mut Scratch,
) -> Outcome<()> {
    let more = place.pending.then_some(&s.added[..]);
    s.normed.add_and_norm(&mut s.x, more, tensors.n1, spec.norm_epsilon)?;
    let keys_and_values = [(&tensors.wk, &mut s.keys[..]), (&tensors.wv, &mut s.values[..])];
    if place.asked == place.ranges {
        let [keys, values] = keys_and_values;
        apply_all([(&tensors.wq, &mut s.queries[..]), keys, values], &s.normed)?;
        turn(&mut s.keys, spec.key_value_heads, tensors.kn, spec.norm_epsilon, &s.cosines, &s.sines)?;
    } else {
        apply_all(keys_and_values, &s.normed)?;
        turn(&mut s.keys, spec.key_value_heads, tensors.kn, spec.norm_epsilon, &s.cosines, &s.sines)?;
        s.keep_rows(spec, place.asked);
        tensors.wq.apply(&mut s.queries, &s.normed)?;
    }
    turn(&mut s.queries, spec.heads, tensors.qn, spec.norm_epsilon, &s.cosines, &s.sines)?;
    attend(place, spec, passes, s)?;
    if s.x.is_empty() {
        return Ok(());
    }
    s.mixed.fill(|_, _| Ok(()))?;
    tensors.wo.apply(&mut s.added, &s.mixed)?;
    feed_forward(tensors, spec, s)
}

/// The norm of each head where there is one, then its rotation.
fn turn(
    x: &mut [f32],
    heads: usize,
    gain: Option<&[f32]>,
    epsilon: f32,
    cosines: &[f32],
    sines: &[f32],
) -> Outcome<()> {
    let (width, half) = (heads * HEAD_SIZE, HEAD_SIZE / 2);
    let part = per_part(x.len() / width, width);
    let tables = cosines.par_chunks(part * half).zip(sines.par_chunks(part * half));
    x.par_chunks_mut(part * width).zip(tables).try_for_each(|(x, (cosines, sines))| {
        gain.map_or(Ok(()), |gain| norm::rms_in_place(x, gain, epsilon))?;
        rope::apply(x, heads, HEAD_SIZE, cosines, sines)
    })
}

fn attend(place: Place, spec: &Spec, passes: &mut [Pass], s: &mut Scratch) -> Outcome<()> {
    let (query_width, key_width, mut next) = (spec.query_width(), spec.key_width(), 0);
    for ((pass, rows), asked) in passes.iter_mut().zip(place.ranges).zip(place.asked) {
        let of_queries = next * query_width..(next + asked.len()) * query_width;
        let of_keys = rows.start * key_width..rows.end * key_width;
        let own = Own { keys: &s.keys[of_keys.clone()], values: &s.values[of_keys] };
        let within = asked.start - rows.start..asked.end - rows.start;
        let out = &mut s.mixed.floats[of_queries.clone()];
        attend::attend(place.layer, spec, pass, within, out, &s.queries[of_queries], own)?;
        next += asked.len();
    }
    Ok(())
}

/// The gated unit, some rows at a time, so that its wide middle stays near the core.
fn feed_forward(tensors: &BlockTensors, spec: &Spec, s: &mut Scratch) -> Outcome<()> {
    let (width, inner, precision) = (spec.width, spec.feed_forward, s.normed.precision);
    for (x, added) in s.x.chunks_mut(CHUNK * width).zip(s.added.chunks_mut(CHUNK * width)) {
        let rows = x.len() / width;
        s.second.shape_normed(precision, rows, width);
        s.inner.shape(precision, rows, inner);
        s.second.add_and_norm(x, Some(added), tensors.n2, spec.norm_epsilon)?;
        let (gate, up) = (&mut s.gate[..rows * inner], &mut s.up[..rows * inner]);
        apply_all([(&tensors.gate, &mut *gate), (&tensors.up, &mut *up)], &s.second)?;
        s.inner.fill(|first, out| {
            let here = first * inner..first * inner + out.len();
            silu::silu_mul(out, &gate[here.clone()], &up[here])
        })?;
        tensors.down.apply(added, &s.inner)?;
    }
    Ok(())
}
