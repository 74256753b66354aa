//! Runs a trunk's INT2 products whenever a line on standard input asks for them: one side of `tests/bench/kernels.py`.
//!
//! `turns THREADS`; then a line `ROWS REPEATS` is answered by the mean seconds of one trunk: ten layers' matrices of the
//! shipped model, activations quantised anew for each product, as in a forward pass. It prints no table of its own.
use foundation::pool::Pool;
use foundation::{Fault, Outcome};
use kernels::act8;
use kernels::matmul_int2::{Int2, matmul};
use std::hint::black_box;
use std::io::{BufRead, Write, stdin, stdout};
use std::time::Instant;

/// Rows and columns of a layer's matrices: query, key and value together, output, gate and up together, down.
const SHAPES: [(usize, usize); 4] = [(1024, 512), (512, 512), (2816, 512), (512, 1408)];
const LAYERS: usize = 10;

/// The packed codes and f16 scales of one matrix, and its shape.
struct Matrix {
    rows: usize,
    columns: usize,
    packed: Vec<u8>,
    scales: Vec<u16>,
}

fn matrices() -> Vec<Matrix> {
    let made = |layer: usize, (rows, columns): (usize, usize)| Matrix {
        rows,
        columns,
        packed: (0..rows * columns / 4).map(|i| ((i + layer).wrapping_mul(2_654_435_761) >> 9) as u8).collect(),
        scales: vec![0x2000; rows * columns / 64],
    };
    (0..LAYERS).flat_map(|layer| SHAPES.map(|shape| made(layer, shape))).collect()
}

fn trunk(matrices: &[Matrix], x: &[f32], count: usize) -> Outcome<()> {
    for matrix in matrices {
        let x = &x[..count * matrix.columns];
        let (mut codes, mut scales) = (vec![0; x.len()], vec![0.0; count]);
        let (mut sums, mut out) = (vec![0; x.len() / act8::GROUP], vec![0.0; count * matrix.rows]);
        act8::quantise(x, matrix.columns, &mut codes, &mut scales, Some(&mut sums))?;
        let weights = Int2::new(matrix.rows, matrix.columns, &matrix.packed, &matrix.scales)?;
        matmul(&mut out, &codes, &scales, &sums, &weights)?;
        black_box(&out);
    }
    Ok(())
}

fn number(word: Option<&str>, what: &str) -> Outcome<usize> {
    word.and_then(|text| text.parse().ok())
        .filter(|&n| n > 0)
        .ok_or_else(|| Fault::shape(what, "a whole number above 0", word.unwrap_or("nothing")))
}

fn main() -> Outcome<()> {
    let pool = Pool::new(number(std::env::args().nth(1).as_deref(), "THREADS")?)?;
    let matrices = matrices();
    for line in stdin().lock().lines().map_while(Result::ok) {
        let mut words = line.split_whitespace();
        let (count, repeats) = (number(words.next(), "ROWS")?, number(words.next(), "REPEATS")?);
        let x: Vec<f32> = (0..count * 1408).map(|i| ((i * 7919) % 2003) as f32 / 1001.0 - 1.0).collect();
        let begin = Instant::now();
        pool.run(|| (0..repeats).try_for_each(|_| trunk(&matrices, &x, count)))?;
        println!("{}", begin.elapsed().as_secs_f64() / repeats as f64);
        stdout().flush().map_err(|error| Fault::io("standard output", error))?;
    }
    Ok(())
}
