//! Grouped-query attention of one pass over a prefix and itself: the one law of MODEL.md §1. Keeps no cache.
#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "aarch64")]
mod neon;
mod scalar;

use crate::check;
use crate::cpu::{self, Level, on_path};
use crate::parallel::{Shared, split};
use foundation::{Fault, Outcome};
use std::ops::Range;

/// The one head size, and so the one scale, 1 / 8.
pub const HEAD: usize = 64;
/// The least and the most rows that one task takes, so that they share the keys that it packs.
const ROWS: (usize, usize) = (16, 64);

/// What a row sees of its own pass; of the prefix it sees everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum See {
    /// Row m sees rows 0 ..= m.
    Causal,
    /// Every row sees every row.
    Canvas,
}

/// One checked call: keys and values of kv_heads x 64, the prefix's first, then the pass's own.
#[derive(Clone, Copy)]
struct Call<'a> {
    queries: &'a [f32],
    keys: &'a [f32],
    values: &'a [f32],
    own_keys: &'a [f32],
    own_values: &'a [f32],
    heads: usize,
    kv_heads: usize,
    see: See,
}

impl<'a> Call<'a> {
    fn width(&self) -> usize {
        self.kv_heads * HEAD
    }

    fn prefix(&self) -> usize {
        self.keys.len() / self.width()
    }

    fn rows(&self) -> usize {
        self.own_keys.len() / self.width()
    }

    /// How many keys row m sees: they are the first ones, by absolute index.
    fn seen(&self, m: usize) -> usize {
        self.prefix() + if self.see == See::Causal { m + 1 } else { self.rows() }
    }

    fn query(&self, m: usize, head: usize) -> &'a [f32] {
        &self.queries[(m * self.heads + head) * HEAD..][..HEAD]
    }

    /// Key (or value) `index`, counted from the prefix's first.
    #[inline(always)]
    fn at(&self, prefix: &'a [f32], own: &'a [f32], index: usize, kv_head: usize) -> &'a [f32] {
        let (from, index) = if index < self.prefix() { (prefix, index) } else { (own, index - self.prefix()) };
        &from[index * self.width() + kv_head * HEAD..][..HEAD]
    }

    #[inline(always)]
    fn key(&self, index: usize, kv_head: usize) -> &'a [f32] {
        self.at(self.keys, self.own_keys, index, kv_head)
    }

    #[inline(always)]
    fn value(&self, index: usize, kv_head: usize) -> &'a [f32] {
        self.at(self.values, self.own_values, index, kv_head)
    }
}

/// out = softmax(q kᵀ / 8) v for M rows over P prefix keys and their own.
///
/// Query head h uses key head floor(h kv_heads / heads).
/// Shapes: out and q [M, heads * 64]; keys and values [P, kv_heads * 64]; own_keys and own_values [M, kv_heads * 64].
/// A row's result depends, to the bit, only on its query and on the keys and values that it sees, in their order:
/// whether they came from the prefix or from the pass changes nothing. Memory: a thread keeps up to 76 f32 for each seen key.
#[allow(clippy::too_many_arguments)]
pub fn attend(
    out: &mut [f32],
    q: &[f32],
    keys: &[f32],
    values: &[f32],
    own_keys: &[f32],
    own_values: &[f32],
    heads: usize,
    kv_heads: usize,
    see: See,
) -> Outcome<()> {
    attend_on(cpu::level(), out, q, keys, values, own_keys, own_values, heads, kv_heads, see)
}

/// `attend` on a chosen path.
#[allow(clippy::too_many_arguments)]
pub fn attend_on(
    level: Level,
    out: &mut [f32],
    q: &[f32],
    keys: &[f32],
    values: &[f32],
    own_keys: &[f32],
    own_values: &[f32],
    heads: usize,
    kv_heads: usize,
    see: See,
) -> Outcome<()> {
    let call = Call { queries: q, keys, values, own_keys, own_values, heads, kv_heads, see };
    check_call(&call, out.len())?;
    let (rows, out) = (call.rows(), Shared::new(out));
    let each = (rows / 2).clamp(ROWS.0, ROWS.1);
    let tiles = rows.div_ceil(each);
    let work = (rows * heads).saturating_mul(call.prefix() + rows).saturating_mul(4 * HEAD);
    split(tiles * kv_heads, work, |tasks| {
        for task in tasks {
            let first = task / kv_heads * each;
            on_path!(level, tile(&out, &call, task % kv_heads, first..rows.min(first + each)));
        }
        Ok(())
    })
}

fn check_call(call: &Call<'_>, out: usize) -> Outcome<()> {
    if call.kv_heads == 0 || !call.heads.is_multiple_of(call.kv_heads) {
        let range = format!("the multiples of kv_heads = {}", call.kv_heads);
        return Err(Fault::out_of_range("heads", range, call.heads));
    }
    let width = check::product("width of q", call.heads, HEAD)?;
    let rows = check::rows("q", call.queries.len(), width)?;
    check::rows("keys", call.keys.len(), call.width())?;
    check::length("out of attend", out, call.queries.len())?;
    check::length("values", call.values.len(), call.keys.len())?;
    check::length("own_keys", call.own_keys.len(), rows * call.width())?;
    check::length("own_values", call.own_values.len(), call.own_keys.len())
}

/// The query heads that share a key head.
fn sharing(call: &Call<'_>, kv_head: usize) -> Range<usize> {
    let each = call.heads / call.kv_heads;
    kv_head * each..(kv_head + 1) * each
}
