//! One matrix through ArrowQuant: every scheme's error, calibration by activations, and mlx's layout. Run with
//! `cargo run --release -p aios-quant --example one_matrix`.
use foundation::Outcome;
use quant::{Moments, Rule, Scheme, dequantise, output_error, quantise, quantise_calibrated, relative_error, to_mlx};

const ROWS: usize = 64;
const COLUMNS: usize = 256;

/// Numbers that look like weights: sums of four uniform ones.
fn numbers(seed: u32, count: usize) -> Vec<f32> {
    let mut state = seed;
    let mut uniform = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / 8_388_608.0 - 1.0
    };
    (0..count).map(|_| uniform() + uniform() + uniform() + uniform()).collect()
}

fn main() -> Outcome<()> {
    let w = numbers(1, ROWS * COLUMNS);
    println!("{:18} {:>8} {:>10}", "scheme", "bytes", "error");
    for scheme in Scheme::ALL {
        let packed = quantise(&w, ROWS, COLUMNS, scheme, scheme.rules()[0])?;
        let freed = dequantise(&packed.bytes, &packed.scales, ROWS, COLUMNS, scheme)?;
        let bytes = packed.bytes.len() + 2 * packed.scales.len();
        println!("{:18} {bytes:>8} {:>10.4}", scheme.name(), relative_error(&w, &freed)?);
    }

    // Inputs of unequal size, each like its neighbour: what calibration can make use of.
    let raw = numbers(2, 500 * COLUMNS);
    let inputs: Vec<f32> = (0..raw.len()).map(|i| (raw[i] + 0.8 * raw[i / 2]) * (1 + i % 5) as f32).collect();
    let moments = quant::second_moments(&inputs, COLUMNS)?;
    let error = |packed: quant::Packed| {
        let freed = dequantise(&packed.bytes, &packed.scales, ROWS, COLUMNS, Scheme::Int2G64)?;
        output_error(&w, &freed, COLUMNS, Moments::Full(&moments))
    };
    let blind = error(quantise(&w, ROWS, COLUMNS, Scheme::Int2G64, Rule::LeastSquares)?)?;
    let known = error(quantise_calibrated(&w, ROWS, COLUMNS, Scheme::Int2G64, Moments::Full(&moments))?)?;
    println!("error of the output, INT2: {blind:.4} blind, {known:.4} calibrated");

    let packed = quantise(&w, ROWS, COLUMNS, Scheme::Int2G64, Rule::Deviation)?;
    let mlx = to_mlx(&packed.bytes, &packed.scales, ROWS, COLUMNS, Scheme::Int2G64)?;
    println!("in mlx: {} words, first scale {} and bias {}", mlx.words.len(), mlx.scales[0], mlx.biases[0]);
    Ok(())
}
