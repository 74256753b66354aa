//! What enters the matrices of the trunk: activations in INT8 with their scales, or in float32. Knows no weights.
use crate::rows::{gather, per_part};
use foundation::Outcome;
use kernels::act8::GROUP;
use kernels::aligned::Floats;
use kernels::{act8, norm};
use rayon::prelude::*;
use std::borrow::Cow;
use std::ops::Range;

/// How activations enter the trunk's matrices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Precision {
    /// INT8 with one scale a row, as in training.
    #[default]
    Int8,
    /// float32; the measure of what INT8 costs.
    F32,
}

/// Rows of activations in the form that a precision asks for. Its buffers are kept from call to call.
#[derive(Debug, Default)]
pub(crate) struct Operand {
    pub precision: Precision,
    pub width: usize,
    pub rows: usize,
    /// `[rows, width]` in INT8; empty in float32.
    pub codes: Vec<i8>,
    /// `[rows]` in INT8.
    pub scales: Vec<f32>,
    /// `[rows, width / 64]` in INT8.
    pub sums: Vec<i32>,
    /// `[rows, width]`, before they are quantised; what is quantised as it is computed leaves them as they were.
    pub floats: Floats,
}

impl Operand {
    /// Make room for `rows` of `width`, a multiple of 64; for what comes from a norm in INT8 no floats are needed.
    pub fn shape_normed(&mut self, precision: Precision, rows: usize, width: usize) {
        (self.precision, self.rows, self.width) = (precision, rows, width);
        self.floats.resize(if precision == Precision::F32 { rows * width } else { 0 });
        if precision == Precision::Int8 {
            self.codes.resize(rows * width, 0);
            self.scales.resize(rows, 0.0);
            self.sums.resize(rows * width / GROUP, 0);
        }
    }

    /// The same with floats in either precision, which `fill` writes first.
    pub fn shape(&mut self, precision: Precision, rows: usize, width: usize) {
        self.shape_normed(precision, rows, width);
        self.floats.resize(rows * width);
    }

    /// x += `more` where there is more, then the norm of x with `gain`, in the precision's form.
    pub fn add_and_norm(&mut self, x: &mut [f32], more: Option<&[f32]>, gain: &[f32], epsilon: f32) -> Outcome<()> {
        let width = self.width;
        let part = per_part(self.rows, width);
        let add = |i: usize, x: &mut [f32]| {
            if let Some(more) = more {
                x.iter_mut().zip(&more[i * part * width..]).for_each(|(x, &m)| *x += m);
            }
        };
        let x = x.par_chunks_mut(part * width).enumerate();
        match self.precision {
            Precision::Int8 => x.zip(self.parts(part)).try_for_each(|((i, x), (codes, scales, sums))| {
                add(i, x);
                norm::rms_act8(codes, scales, Some(sums), x, gain, epsilon, width)
            }),
            Precision::F32 => x.zip(self.floats.par_chunks_mut(part * width)).try_for_each(|((i, x), out)| {
                add(i, x);
                norm::rms(out, x, gain, epsilon, width)
            }),
        }
    }

    /// Have `write(first row, floats)` change the rows of `floats`, then bring them into the precision's form.
    ///
    /// What already stands in `floats` may be kept: attention writes there itself.
    pub fn fill(&mut self, write: impl Fn(usize, &mut [f32]) -> Outcome<()> + Sync) -> Outcome<()> {
        let (width, part) = (self.width, per_part(self.rows, self.width));
        let mut floats = std::mem::take(&mut self.floats);
        let parts = floats.par_chunks_mut(part * width).enumerate();
        let done = match self.precision {
            Precision::F32 => parts.try_for_each(|(i, x)| write(i * part, x)),
            Precision::Int8 => parts.zip(self.parts(part)).try_for_each(|((i, x), (codes, scales, sums))| {
                write(i * part, x)?;
                act8::quantise(x, width, codes, scales, Some(sums))
            }),
        };
        self.floats = floats;
        done
    }

    /// Keep the normed rows in `asked`, ascending ranges, and forget the others.
    pub fn keep_rows(&mut self, asked: &[Range<usize>]) {
        let (width, precision) = (self.width, self.precision);
        match precision {
            Precision::F32 => gather(&mut self.floats, asked, width),
            Precision::Int8 => {
                gather(&mut self.codes, asked, width);
                gather(&mut self.scales, asked, 1);
                gather(&mut self.sums, asked, width / GROUP);
            }
        }
        self.shape_normed(precision, asked.iter().map(Range::len).sum(), width);
    }

    /// The rows as floats: themselves, or codes times scales.
    pub fn as_floats(&self) -> Cow<'_, [f32]> {
        match self.precision {
            Precision::F32 => (&self.floats[..]).into(),
            Precision::Int8 => {
                let rows = self.codes.chunks_exact(self.width).zip(&self.scales);
                rows.flat_map(|(codes, &scale)| codes.iter().map(move |&c| f32::from(c) * scale)).collect()
            }
        }
    }

    #[allow(clippy::type_complexity)]
    fn parts(&mut self, rows: usize) -> impl IndexedParallelIterator<Item = (&mut [i8], &mut [f32], &mut [i32])> {
        let width = self.width;
        let codes = self.codes.par_chunks_mut(rows * width);
        let scales = self.scales.par_chunks_mut(rows);
        let sums = self.sums.par_chunks_mut(rows * width / GROUP);
        codes.zip(scales).zip(sums).map(|((codes, scales), sums)| (codes, scales, sums))
    }
}
