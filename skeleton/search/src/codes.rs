//! Vectors as codes: a sign a number, and an INT8 number a number, both after the rotation. Finds nothing.
//!
//! Source: Gao and Long 2024, RaBitQ, arXiv:2405.12497: with x = sign(o), f = |o|² / Σ|o|, the sum f Σ x q is the inner
//! product of o and q with an error of mean 0 over rotations.
use crate::flat::Metric;
use crate::rotation::Rotation;
use kernels::popcount::{BLOCK, Bytes, Words};
use rayon::prelude::*;

/// Rows that one task encodes.
const TASK_BLOCKS: usize = 32;

/// The codes of rows 0 .. rows. Per-row lists are padded to whole blocks with zeros.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Codes {
    pub(crate) rows: usize,
    /// [blocks, padded / 64]: bit i of word w is set where number 64 w + i is positive.
    pub(crate) signs: Vec<Words>,
    /// |o|² / Σ|o|: what a sum over signs is multiplied by.
    pub(crate) factors: Vec<f32>,
    /// |o|² / 2 where the metric is L2, else empty.
    pub(crate) offsets: Vec<f32>,
    /// [rows padded to blocks, padded / 64].
    pub(crate) bytes: Vec<Bytes>,
    /// What an INT8 code is multiplied by.
    pub(crate) scales: Vec<f32>,
}

/// A vector made ready: scaled to length 1 for the cosine, padded and rotated.
pub(crate) struct Turned {
    pub(crate) numbers: Vec<f32>,
    /// Its squared length, after scaling.
    pub(crate) squared_length: f64,
}

impl Turned {
    /// Room for one vector.
    pub(crate) fn room(rotation: &Rotation) -> Self {
        Self { numbers: vec![0.0; rotation.padded()], squared_length: 0.0 }
    }

    /// Take in a finite vector. A vector whose square is 0 in f32 counts as zero, as it does for `Flat`.
    pub(crate) fn take(&mut self, vector: &[f32], metric: Metric, rotation: &Rotation) {
        let squared = sum8(vector, |x| x * x);
        self.numbers[vector.len()..].fill(0.0);
        self.squared_length = squared;
        if metric == Metric::Cosine {
            let is_zero = (squared as f32) == 0.0;
            let scale = if is_zero { 0.0 } else { 1.0 / squared.sqrt() };
            self.numbers.iter_mut().zip(vector).for_each(|(out, &x)| *out = (f64::from(x) * scale) as f32);
            self.squared_length = if is_zero { 0.0 } else { 1.0 };
        } else {
            self.numbers[..vector.len()].copy_from_slice(vector);
        }
        rotation.turn(&mut self.numbers);
    }

    /// INT8 codes of the numbers, -127 to 127, and their scale.
    pub(crate) fn to_int8(&self, mut put: impl FnMut(usize, i8)) -> f32 {
        let largest = self.numbers.iter().fold(0f32, |largest, x| largest.max(x.abs()));
        let scale = largest / 127.0;
        let inverse = if scale > 0.0 { 1.0 / f64::from(scale) } else { 0.0 };
        for (place, &x) in self.numbers.iter().enumerate() {
            let code = (f64::from(x) * inverse).round_ties_even().clamp(-127.0, 127.0);
            put(place, code as i8);
        }
        scale
    }
}

impl Codes {
    /// Append the rows of `vectors` [n, width], finite numbers with finite squared lengths, on the caller's pool.
    pub(crate) fn extend(&mut self, vectors: &[f32], width: usize, metric: Metric, rotation: &Rotation) {
        let (old, words) = (self.rows, rotation.padded() / 64);
        let rows = old + vectors.len() / width;
        let blocks = rows.div_ceil(BLOCK);
        self.signs.resize(blocks * words, Words::default());
        self.factors.resize(blocks * BLOCK, 0.0);
        self.offsets.resize(if metric == Metric::L2 { blocks * BLOCK } else { 0 }, 0.0);
        self.bytes.resize(blocks * BLOCK * words, Bytes([128; 64]));
        self.scales.resize(blocks * BLOCK, 0.0);
        self.rows = rows;
        let first = old / BLOCK;
        let new = first * BLOCK;
        let task_rows = TASK_BLOCKS * BLOCK;
        // Without offsets there is still one (empty) piece for each task.
        let tasks = (rows - new).div_ceil(task_rows);
        let mut offsets: Vec<&mut [f32]> = match metric {
            Metric::L2 => self.offsets[new..].chunks_mut(task_rows).collect(),
            _ => (0..tasks).map(|_| Default::default()).collect(),
        };
        let pieces = self.signs[first * words..].chunks_mut(TASK_BLOCKS * words);
        let pieces = pieces.zip(self.factors[new..].chunks_mut(task_rows)).zip(offsets.iter_mut());
        let pieces = pieces.zip(self.bytes[new * words..].chunks_mut(task_rows * words));
        let pieces = pieces.zip(self.scales[new..].chunks_mut(task_rows)).enumerate();
        let encode = |(task, ((((signs, factors), offsets), bytes), scales)): (usize, Piece<'_, '_>)| {
            let mut turned = Turned::room(rotation);
            let start = new + task * task_rows;
            for row in start.max(old)..(start + task_rows).min(rows) {
                turned.take(&vectors[(row - old) * width..][..width], metric, rotation);
                let place = row - start;
                write_signs(&turned.numbers, &mut signs[place / BLOCK * words..][..words], place % BLOCK);
                let sum = sum8(&turned.numbers, f64::abs);
                factors[place] = if sum > 0.0 { (turned.squared_length / sum) as f32 } else { 0.0 };
                if let Some(offset) = offsets.get_mut(place) {
                    *offset = (turned.squared_length / 2.0) as f32;
                }
                let bytes = &mut bytes[place * words..][..words];
                scales[place] = turned.to_int8(|i, code| bytes[i / 64].0[i % 64] = (code as u8) ^ 128);
            }
        };
        // Outside of a pool everything runs here, so that no hidden pool ever starts.
        match rayon::current_thread_index() {
            Some(_) => pieces.collect::<Vec<_>>().into_par_iter().for_each(encode),
            None => pieces.for_each(encode),
        }
    }
}

type Piece<'a, 'b> = ((((&'a mut [Words], &'a mut [f32]), &'b mut &'a mut [f32]), &'a mut [Bytes]), &'a mut [f32]);

fn write_signs(numbers: &[f32], lines: &mut [Words], row: usize) {
    for (line, numbers) in lines.iter_mut().zip(numbers.chunks_exact(64)) {
        line.0[row] = numbers.iter().enumerate().fold(0, |word, (i, x)| word | u64::from(*x > 0.0) << i);
    }
}

/// Σ of(x) in f64 and one order.
pub(crate) fn sum8(x: &[f32], of: impl Fn(f64) -> f64) -> f64 {
    let (blocks, tail) = x.as_chunks::<8>();
    let mut sums = [0.0; 8];
    for block in blocks {
        (0..8).for_each(|i| sums[i] += of(f64::from(block[i])));
    }
    sums.iter().sum::<f64>() + tail.iter().map(|&x| of(f64::from(x))).sum::<f64>()
}
