//! One block of the trunk over the rows of all passes: attention, then the gated unit, each added to the residual stream.
use crate::body::BlockTensors;
use crate::linear::apply_all;
use crate::pass::Pass;
use crate::rows::per_part;
use crate::scratch::{CHUNK, Scratch};
use crate::spec::{HEAD_SIZE, Spec};
use foundation::Outcome;
use kernels::{attention, norm, rope, silu};
use rayon::prelude::*;
use std::ops::Range;

/// Run block `layer` on `scratch.x`, whose rows are those of the passes, one after the other (`ranges`).
///
/// What the block's second half adds is left in `scratch.added`, for the next norm to add while it reads the row;
/// `pending` says that the block before has left some. New keys and values of causal passes are staged in their caches.
/// Source: MODEL.md §2.
pub(crate) fn run(
    tensors: &BlockTensors,
    layer: usize,
    pending: bool,
    spec: &Spec,
    passes: &mut [Pass],
    ranges: &[Range<usize>],
    s: &mut Scratch,
) -> Outcome<()> {
    let more = pending.then_some(&s.added[..]);
    s.normed.add_and_norm(&mut s.x, more, tensors.n1, spec.norm_epsilon)?;
    let jobs = [(&tensors.wq, &mut s.queries[..]), (&tensors.wk, &mut s.keys[..]), (&tensors.wv, &mut s.values[..])];
    apply_all(jobs, &s.normed)?;
    turn(&mut s.queries, spec.heads, tensors.qn, spec.norm_epsilon, &s.cosines, &s.sines)?;
    turn(&mut s.keys, spec.key_value_heads, tensors.kn, spec.norm_epsilon, &s.cosines, &s.sines)?;
    attend(layer, spec, passes, ranges, s)?;
    s.mixed.fill(|_, _| Ok(()))?;
    tensors.wo.apply(&mut s.added, &s.mixed)?;
    feed_forward(tensors, spec, s)
}

/// The norm of each head, then its rotation.
fn turn(x: &mut [f32], heads: usize, gain: &[f32], epsilon: f32, cosines: &[f32], sines: &[f32]) -> Outcome<()> {
    let (width, half) = (heads * HEAD_SIZE, HEAD_SIZE / 2);
    let part = per_part(x.len() / width, width);
    let tables = cosines.par_chunks(part * half).zip(sines.par_chunks(part * half));
    x.par_chunks_mut(part * width).zip(tables).try_for_each(|(x, (cosines, sines))| {
        norm::rms_in_place(x, gain, epsilon)?;
        rope::apply(x, heads, HEAD_SIZE, cosines, sines)
    })
}

fn attend(layer: usize, spec: &Spec, passes: &mut [Pass], ranges: &[Range<usize>], s: &mut Scratch) -> Outcome<()> {
    let (query_width, key_width) = (spec.query_width(), spec.key_width());
    for (pass, rows) in passes.iter_mut().zip(ranges) {
        let of_queries = rows.start * query_width..rows.end * query_width;
        let of_keys = rows.start * key_width..rows.end * key_width;
        let (keys, values) = (&s.keys[of_keys.clone()], &s.values[of_keys]);
        attention::attend(
            &mut s.mixed.floats[of_queries.clone()],
            &s.queries[of_queries],
            pass.cache.keys(layer),
            pass.cache.values(layer),
            keys,
            values,
            spec.heads,
            spec.key_value_heads,
            pass.see,
        )?;
        if pass.causal() {
            pass.cache.stage(layer, keys, values);
        }
    }
    Ok(())
}

/// The gated unit, some rows at a time, so that its wide middle stays near the core.
fn feed_forward(tensors: &BlockTensors, spec: &Spec, s: &mut Scratch) -> Outcome<()> {
    let (width, inner, precision) = (spec.width, spec.feed_forward, s.normed.precision);
    for (x, added) in s.x.chunks_mut(CHUNK * width).zip(s.added.chunks_mut(CHUNK * width)) {
        let rows = x.len() / width;
        s.second.shape(precision, rows, width);
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
