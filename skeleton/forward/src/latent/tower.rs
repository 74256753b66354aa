//! A tower of pre-norm blocks that see each other both ways: the middle of the picture encoder and decoder. No cache, no causality.
use super::spec::Sizes;
use crate::operand::Precision;
use crate::spec::HEAD_SIZE;
use foundation::{Cancel, Fault, Outcome};
use kernels::aligned::Floats;
use kernels::attention::{See, attend};
use kernels::matmul_int8::{Int8, matmul, matmul_f32_int8};
use kernels::{act8, norm, on_this_thread, rope, silu};
use rayon::prelude::*;
use weights::Weights;

/// Finds the tensors of one part by their names without the prefix.
#[derive(Clone, Copy)]
pub(crate) struct Finder<'w> {
    pub weights: &'w Weights,
    pub prefix: &'static str,
}

impl<'w> Finder<'w> {
    /// An INT8 matrix `[rows, columns]`.
    pub fn matrix(&self, name: &str, rows: usize, columns: usize) -> Outcome<Int8<'w>> {
        let name = format!("{}{name}", self.prefix);
        let tensor = self.weights.get(&name)?;
        if tensor.matrix()? != (rows, columns) {
            let got = format!("{:?}", tensor.shape);
            return Err(Fault::shape(format!("tensor {name:?}"), format!("[{rows}, {columns}]"), got));
        }
        if tensor.scheme != "int8.row" {
            return Err(Fault::dtype(format!("tensor {name:?}"), "int8.row", tensor.scheme));
        }
        Int8::new(rows, columns, tensor.i8s()?, tensor.scale_bits()?)
    }

    fn gain(&self, name: &str, width: usize) -> Outcome<&'w [f32]> {
        let name = format!("{}{name}", self.prefix);
        let tensor = self.weights.get(&name)?;
        if tensor.shape != [width as u64] {
            let got = format!("{:?}", tensor.shape);
            return Err(Fault::shape(format!("tensor {name:?}"), format!("[{width}]"), got));
        }
        tensor.f32s()
    }
}

/// out = down( silu(gate x) up x ).
pub(crate) struct Gated<'w> {
    gate: Int8<'w>,
    up: Int8<'w>,
    down: Int8<'w>,
}

impl<'w> Gated<'w> {
    /// The unit named `name`, from `width` numbers over `inner` to `out`.
    pub fn find(finder: Finder<'w>, name: &str, width: usize, inner: usize, out: usize) -> Outcome<Self> {
        Ok(Self {
            gate: finder.matrix(&format!("{name}gate"), inner, width)?,
            up: finder.matrix(&format!("{name}up"), inner, width)?,
            down: finder.matrix(&format!("{name}down"), out, inner)?,
        })
    }

    /// Shapes: out `[M, out]`, x `[M, width]`.
    pub fn apply(&self, out: &mut [f32], x: &[f32], precision: Precision) -> Outcome<()> {
        let x = Rows::new(x, self.gate.columns(), precision)?;
        let count = x.floats.len() / self.gate.columns();
        let (mut gate, mut up) = (Floats::zeros(count * self.gate.rows()), Floats::zeros(count * self.gate.rows()));
        x.times(&self.gate, &mut gate)?;
        x.times(&self.up, &mut up)?;
        let mut inner = Floats::zeros(gate.len());
        silu::silu_mul(&mut inner, &gate, &up)?;
        Rows::new(&inner, self.down.columns(), precision)?.times(&self.down, out)
    }
}

/// Rows of activations, quantised where the precision asks for it.
pub(crate) struct Rows<'x> {
    floats: &'x [f32],
    int8: Option<(Vec<i8>, Vec<f32>)>,
}

impl<'x> Rows<'x> {
    /// Rows of `width`.
    pub fn new(floats: &'x [f32], width: usize, precision: Precision) -> Outcome<Self> {
        let int8 = match precision {
            Precision::F32 => None,
            Precision::Int8 => {
                let (mut codes, mut scales) = (vec![0; floats.len()], vec![0.0; floats.len() / width.max(1)]);
                act8::quantise(floats, width, &mut codes, &mut scales, None)?;
                Some((codes, scales))
            }
        };
        Ok(Self { floats, int8 })
    }

    /// out = x Wᵀ.
    pub fn times(&self, weights: &Int8, out: &mut [f32]) -> Outcome<()> {
        match &self.int8 {
            Some((codes, scales)) => matmul(out, codes, scales, weights),
            None => matmul_f32_int8(out, self.floats, weights),
        }
    }
}

struct Block<'w> {
    attention_norm: &'w [f32],
    query: Int8<'w>,
    key: Int8<'w>,
    value: Int8<'w>,
    mix: Int8<'w>,
    unit_norm: &'w [f32],
    unit: Gated<'w>,
}

/// The blocks and the norm after the last one.
pub(crate) struct Tower<'w> {
    blocks: Vec<Block<'w>>,
    last_norm: &'w [f32],
    width: usize,
    epsilon: f32,
}

/// Cosines and sines `[tokens, 32]` of the places of a square grid, row by row.
pub(crate) struct Angles {
    cosines: Vec<f32>,
    sines: Vec<f32>,
}

impl Angles {
    /// Pairs 0 .. 16 turn with the row, pairs 16 .. 32 with the column, both at base^(-j / 16).
    pub fn of_grid(grid: usize, base: f64) -> Self {
        let quarter = HEAD_SIZE / 4;
        let speeds: Vec<f64> = (0..quarter).map(|j| base.powf(-(j as f64) / quarter as f64)).collect();
        let places = (0..grid * grid).flat_map(|place| [place / grid, place % grid]);
        let turns = places.flat_map(|at| speeds.iter().map(move |speed| at as f64 * speed));
        let (cosines, sines) = turns.map(|angle| (angle.cos() as f32, angle.sin() as f32)).unzip();
        Self { cosines, sines }
    }
}

impl<'w> Tower<'w> {
    /// Find the blocks and the last norm. Errors: `NotFound`, `Shape`, `Dtype`.
    pub fn find(finder: Finder<'w>, sizes: Sizes, epsilon: f32) -> Outcome<Self> {
        let width = sizes.width;
        let block = |i: usize| {
            let name = |part: &str| format!("blocks.{i}.{part}");
            Ok(Block {
                attention_norm: finder.gain(&name("n1"), width)?,
                query: finder.matrix(&name("wq"), width, width)?,
                key: finder.matrix(&name("wk"), width, width)?,
                value: finder.matrix(&name("wv"), width, width)?,
                mix: finder.matrix(&name("wo"), width, width)?,
                unit_norm: finder.gain(&name("n2"), width)?,
                unit: Gated::find(finder, &name(""), width, sizes.inner, width)?,
            })
        };
        let blocks = (0..sizes.depth).map(block).collect::<Outcome<_>>()?;
        Ok(Self { blocks, last_norm: finder.gain("norm", width)?, width, epsilon })
    }

    /// Run all blocks on the tokens of one picture, `x` `[tokens, width]`, in place; the last norm is `finish`'s.
    ///
    /// `part` tokens go to a thread at a time. Runs on the caller's pool; the token is read before each block.
    /// A token's bits do not depend on the number of threads.
    pub fn run(
        &self,
        x: &mut [f32],
        angles: &Angles,
        part: usize,
        precision: Precision,
        cancel: &Cancel,
    ) -> Outcome<()> {
        let heads = self.width / HEAD_SIZE;
        let [mut queries, mut keys, mut values, mut mixed] = std::array::from_fn(|_| Floats::zeros(x.len()));
        for block in &self.blocks {
            cancel.check()?;
            self.project(block, x, angles, part, precision, [&mut queries, &mut keys, &mut values])?;
            attend(&mut mixed, &queries, &[], &[], &keys, &values, heads, heads, See::Canvas)?;
            let size = part * self.width;
            x.par_chunks_mut(size)
                .zip(mixed.par_chunks(size))
                .try_for_each(|(x, mixed)| on_this_thread(|| self.finish_block(block, x, mixed, precision)))?;
        }
        cancel.check()
    }

    /// The norm after the last block, of some tokens.
    pub fn finish(&self, x: &[f32]) -> Outcome<Floats> {
        let mut normed = Floats::zeros(x.len());
        norm::rms(&mut normed, x, self.last_norm, self.epsilon, self.width)?;
        Ok(normed)
    }

    /// Queries, keys and values of all tokens, queries and keys turned.
    fn project(
        &self,
        block: &Block,
        x: &[f32],
        angles: &Angles,
        part: usize,
        precision: Precision,
        [queries, keys, values]: [&mut Floats; 3],
    ) -> Outcome<()> {
        let (size, turns) = (part * self.width, part * HEAD_SIZE / 2);
        let outs = queries.par_chunks_mut(size).zip(keys.par_chunks_mut(size)).zip(values.par_chunks_mut(size));
        let tables = angles.cosines.par_chunks(turns).zip(angles.sines.par_chunks(turns));
        x.par_chunks(size).zip(outs).zip(tables).try_for_each(|((x, ((query, key), value)), (cosines, sines))| {
            on_this_thread(|| {
                let mut normed = Floats::zeros(x.len());
                norm::rms(&mut normed, x, block.attention_norm, self.epsilon, self.width)?;
                let normed = Rows::new(&normed, self.width, precision)?;
                normed.times(&block.query, query)?;
                normed.times(&block.key, key)?;
                normed.times(&block.value, value)?;
                let heads = self.width / HEAD_SIZE;
                rope::apply(query, heads, HEAD_SIZE, cosines, sines)?;
                rope::apply(key, heads, HEAD_SIZE, cosines, sines)
            })
        })
    }

    /// What comes after attention, for some tokens.
    fn finish_block(&self, block: &Block, x: &mut [f32], mixed: &[f32], precision: Precision) -> Outcome<()> {
        let mut added = Floats::zeros(x.len());
        Rows::new(mixed, self.width, precision)?.times(&block.mix, &mut added)?;
        add(x, &added);
        let mut normed = Floats::zeros(x.len());
        norm::rms(&mut normed, x, block.unit_norm, self.epsilon, self.width)?;
        block.unit.apply(&mut added, &normed, precision)?;
        add(x, &added);
        Ok(())
    }
}

fn add(x: &mut [f32], more: &[f32]) {
    x.iter_mut().zip(more).for_each(|(x, more)| *x += more);
}
