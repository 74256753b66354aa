//! The buffers of one call through the trunk, kept between calls. Holds no state that a call could see.
use crate::operand::{Operand, Precision};
use crate::rows::gather;
use crate::spec::{HEAD_SIZE, Spec};
use kernels::aligned::Floats;
use std::ops::Range;

/// A scratch larger than this many rows is given back to the system after its call.
pub(crate) const KEEP_ROWS: usize = 1024;

/// Rows that go through the gated unit together.
pub(crate) const CHUNK: usize = 64;

/// Buffers for R rows; `x` is the residual stream.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    pub x: Floats,
    /// The norm of x before attention.
    pub normed: Operand,
    /// The norm of a chunk of x before the gated unit.
    pub second: Operand,
    /// What attention gives.
    pub mixed: Operand,
    /// What the gate lets through.
    pub inner: Operand,
    pub queries: Floats,
    pub keys: Floats,
    pub values: Floats,
    pub gate: Floats,
    pub up: Floats,
    /// What a half of a block adds to `x`.
    pub added: Floats,
    pub cosines: Floats,
    pub sines: Floats,
}

impl Scratch {
    /// Make room for `rows`.
    pub fn shape(&mut self, spec: &Spec, precision: Precision, rows: usize) {
        self.normed.shape_normed(precision, rows, spec.width);
        self.mixed.shape(precision, rows, spec.query_width());
        let wide = CHUNK * spec.feed_forward;
        self.gate.resize(wide);
        self.up.resize(wide);
        for (buffer, width) in [
            (&mut self.x, spec.width),
            (&mut self.added, spec.width),
            (&mut self.queries, spec.query_width()),
            (&mut self.keys, spec.key_width()),
            (&mut self.values, spec.key_width()),
            (&mut self.cosines, HEAD_SIZE / 2),
            (&mut self.sines, HEAD_SIZE / 2),
        ] {
            buffer.resize(rows * width);
        }
    }

    /// Keep the rows in `asked` of what the second half of a block reads, and forget the others; keys and values stay.
    pub fn keep_rows(&mut self, spec: &Spec, asked: &[Range<usize>]) {
        let rows = asked.iter().map(Range::len).sum::<usize>();
        self.normed.keep_rows(asked);
        self.mixed.shape(self.normed.precision, rows, spec.query_width());
        for (buffer, width) in
            [(&mut self.x, spec.width), (&mut self.cosines, HEAD_SIZE / 2), (&mut self.sines, HEAD_SIZE / 2)]
        {
            gather(buffer, asked, width);
            buffer.resize(rows * width);
        }
        self.added.resize(rows * spec.width);
        self.queries.resize(rows * spec.query_width());
    }

    /// How many rows it has room for.
    pub fn rows(&self, spec: &Spec) -> usize {
        self.x.len() / spec.width
    }
}
