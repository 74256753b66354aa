//! Keys and values of a prefix, layer by layer; exact, because a prefix is causal. Knows no tokens and no positions.
use crate::spec::Spec;
use foundation::{Fault, Outcome};
use kernels::aligned::Floats;
use std::sync::Arc;

/// The longest prefix that a cache holds, in tokens.
pub const MAX_LENGTH: usize = 1 << 20;

/// What the trunk remembers of a prefix.
///
/// A clone costs a few pointers: both share what they have until one grows, which then copies. Not for two passes at once.
/// Memory: layers x 2 x key width x 4 bytes a token (base: 20 KiB).
#[derive(Clone, Debug)]
pub struct Cache {
    layers: Vec<Arc<Layer>>,
    key_width: usize,
    len: usize,
}

#[derive(Clone, Debug, Default)]
struct Layer {
    keys: Floats,
    values: Floats,
}

impl Cache {
    /// An empty cache for networks of this spec.
    pub fn new(spec: &Spec) -> Self {
        Self { layers: vec![Arc::default(); spec.layers], key_width: spec.key_width(), len: 0 }
    }

    /// How many tokens it holds.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether it holds nothing.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Forget all tokens from `len` on. Errors: `OutOfRange` when it is shorter than that already.
    pub fn truncate(&mut self, len: usize) -> Outcome<()> {
        if len > self.len {
            return Err(Fault::out_of_range("the length to cut a prefix to", format!("0 ..= {}", self.len), len));
        }
        self.len = len;
        Ok(())
    }

    /// How many bytes its keys and values take, shared or not.
    pub fn len_bytes(&self) -> usize {
        self.layers.len() * 2 * self.len * self.key_width * size_of::<f32>()
    }

    /// The layer's keys, `[len, key width]`.
    pub(crate) fn keys(&self, layer: usize) -> &[f32] {
        &self.layers[layer].keys[..self.len * self.key_width]
    }

    /// The layer's values, `[len, key width]`.
    pub(crate) fn values(&self, layer: usize) -> &[f32] {
        &self.layers[layer].values[..self.len * self.key_width]
    }

    /// Refuse a cache of a network with other sizes, and one that `more` tokens would overfill.
    pub(crate) fn check(&self, spec: &Spec, more: usize) -> Outcome<()> {
        if self.layers.len() != spec.layers || self.key_width != spec.key_width() {
            let want = format!("[{} layers, {} keys]", spec.layers, spec.key_width());
            return Err(Fault::shape(
                "the prefix",
                want,
                format!("[{} layers, {} keys]", self.layers.len(), self.key_width),
            ));
        }
        if self.len + more > MAX_LENGTH {
            let need = (self.len + more) as u64;
            return Err(Fault::Exhausted { what: "tokens of a prefix".into(), need, have: MAX_LENGTH as u64 });
        }
        Ok(())
    }

    /// Write a layer's new keys and values behind its prefix; they count only once `grow` is called.
    pub(crate) fn stage(&mut self, layer: usize, keys: &[f32], values: &[f32]) {
        let used = self.len * self.key_width;
        let layer = Arc::make_mut(&mut self.layers[layer]);
        for (held, new) in [(&mut layer.keys, keys), (&mut layer.values, values)] {
            held.truncate(used);
            held.extend_from_slice(new);
        }
    }

    /// The layer's keys and values with those that are staged behind them.
    pub(crate) fn staged(&self, layer: usize) -> (&[f32], &[f32]) {
        (&self.layers[layer].keys, &self.layers[layer].values)
    }

    /// Make the last `rows` staged tokens of every layer part of the prefix.
    pub(crate) fn grow(&mut self, rows: usize) {
        self.len += rows;
    }
}
