//! Quantisation that knows what will be multiplied: scales and rounding of least expected error of the output, not of the
//! weights. Runs no network; whoever does gathers the moments.
//!
//! Source: Frantar et al. 2022, arXiv:2210.17323 (GPTQ: round column by column, let the columns that are left make up for
//! the error, by the Cholesky factor of the inverse second moments).
use crate::door::{Packed, check, finite, length};
use crate::factor::inverse_factor;
use crate::fit::grid;
use crate::levels::Levels;
use crate::rows::{Row, pack};
use crate::scheme::{Rule, Scheme};
use foundation::{Fault, Outcome};

/// What is known of a matrix's inputs.
#[derive(Clone, Copy, Debug)]
pub enum Moments<'a> {
    /// The mean square of each input [columns], at least 0: the diagonal of the second moments.
    Squares(&'a [f32]),
    /// The second moments [columns, columns], symmetric: `second_moments` of a few thousand activations.
    Full(&'a [f32]),
}

/// The part of the mean square that is added to every input's, so that inputs never seen still weigh something.
const DAMPING: f64 = 0.01;

/// The mean of x xᵀ over activations [count, columns]: [columns, columns], symmetric to the bit. Cost: count columns².
///
/// Errors: `Shape` when they are not whole rows, `OutOfRange` for numbers that are not finite or none at all.
pub fn second_moments(activations: &[f32], columns: usize) -> Outcome<Vec<f32>> {
    if columns == 0 || activations.is_empty() || !activations.len().is_multiple_of(columns) {
        let got = format!("[{}]", activations.len());
        return Err(Fault::shape("activations", format!("[1 or more, {columns}]"), got));
    }
    finite(activations)?;
    let count = activations.len() / columns;
    let mut sums = vec![0.0f64; columns * columns];
    for x in activations.chunks_exact(columns) {
        for (i, sums) in sums.chunks_exact_mut(columns).enumerate() {
            let own = f64::from(x[i]);
            sums[i..].iter_mut().zip(&x[i..]).for_each(|(sum, &other)| *sum += own * f64::from(other));
        }
    }
    let mut moments = vec![0.0; columns * columns];
    for i in 0..columns {
        for j in i..columns {
            let mean = (sums[i * columns + j] / count as f64) as f32;
            (moments[i * columns + j], moments[j * columns + i]) = (mean, mean);
        }
    }
    Ok(moments)
}

/// Quantise x [rows, columns] so that the expected squared error of its outputs is small, given its inputs' moments.
///
/// `Squares`: each group's scale by least squares weighed with them (INT8: by range, where a scale has nothing to gain).
/// `Full`: so too, and each column's rounding error is made up for in the columns of its row that follow. One result on
/// any pool. Cost: `Full` columns³ / 3 + rows columns² / 2 multiply-adds. Errors: those of `quantise`; `Shape` and
/// `OutOfRange` for moments of another size, below 0 or not finite.
pub fn quantise_calibrated(
    x: &[f32],
    rows: usize,
    columns: usize,
    scheme: Scheme,
    moments: Moments<'_>,
) -> Outcome<Packed> {
    check(x, rows, columns, scheme)?;
    finite(x)?;
    let weigh = squares(moments, columns)?;
    let factor = match moments {
        Moments::Squares(_) => None,
        Moments::Full(full) => Some(inverse_factor(full, columns, DAMPING)?),
    };
    let rule = if scheme.bits() == 8 { Rule::Range } else { Rule::LeastSquares };
    let (levels, span) = (Levels::of(scheme), scheme.span(columns));
    pack(rows, columns, scheme, |row| {
        let mut w = x[row * columns..][..columns].to_vec();
        let mut found = Row { codes: Vec::with_capacity(columns), grids: Vec::new() };
        for first in (0..columns).step_by(span) {
            let group = first..first + span;
            let stored = grid(&w[group.clone()], Some(&weigh[group.clone()]), scheme, rule)?.stored()?;
            found.grids.push(stored);
            for column in group {
                let level = stored.grid.nearest(w[column], levels);
                found.codes.push(levels.code(level));
                if let Some(factor) = &factor {
                    let error = w[column] - (level * stored.grid.scale + stored.grid.bias);
                    make_up(&mut w[column..], &factor[column * columns + column..(column + 1) * columns], error);
                }
            }
        }
        Ok(found)
    })
}

/// Take what the rounding of the first weight changed off the weights that follow it.
fn make_up(w: &mut [f32], factor: &[f32], error: f32) {
    let part = error / factor[0];
    w.iter_mut().zip(factor).skip(1).for_each(|(w, factor)| *w -= part * factor);
}

/// How far outputs of y are from those of x in the mean: sqrt(Σ (x - y) M (x - y)ᵀ / Σ x M xᵀ) over rows, M the moments.
///
/// Shapes: x and y [rows, columns]. 0 when both are zero, infinite when only the outputs of x are. Errors as above.
pub fn output_error(x: &[f32], y: &[f32], columns: usize, moments: Moments<'_>) -> Outcome<f64> {
    length("y of output_error", y.len(), x.len())?;
    if columns == 0 || !x.len().is_multiple_of(columns) {
        return Err(Fault::shape("x of output_error", format!("[rows, {columns}]"), format!("[{}]", x.len())));
    }
    squares(moments, columns)?;
    let (mut apart, mut all) = (0.0, 0.0);
    for (x, y) in x.chunks_exact(columns).zip(y.chunks_exact(columns)) {
        let difference: Vec<f32> = x.iter().zip(y).map(|(x, y)| x - y).collect();
        apart += power(&difference, moments);
        all += power(x, moments);
    }
    // Rounding may leave a moment matrix that is not quite positive; a power is never below 0.
    let apart = f64::max(apart, 0.0);
    Ok(if apart == 0.0 { 0.0 } else { (apart / all).sqrt() })
}

/// v M vᵀ.
fn power(v: &[f32], moments: Moments<'_>) -> f64 {
    let weighed = |a: &[f32], b: &[f32]| -> f64 { a.iter().zip(b).map(|(a, b)| f64::from(a * b)).sum() };
    match moments {
        Moments::Squares(squares) => v.iter().zip(squares).map(|(v, s)| f64::from(v * v * s)).sum(),
        Moments::Full(full) => {
            v.iter().zip(full.chunks_exact(v.len())).map(|(&own, row)| f64::from(own) * weighed(v, row)).sum()
        }
    }
}

/// The mean square of each input, raised a little, so that each is above 0.
fn squares(moments: Moments<'_>, columns: usize) -> Outcome<Vec<f32>> {
    let (found, all) = match moments {
        Moments::Squares(found) => (found.to_vec(), found),
        Moments::Full(full) => (full.iter().step_by(columns + 1).copied().collect(), full),
    };
    let want = if matches!(moments, Moments::Full(_)) { columns.saturating_mul(columns) } else { columns };
    length("moments of the inputs", all.len(), want)?;
    finite(all)?;
    if let Some(at) = found.iter().position(|&square| square < 0.0) {
        return Err(Fault::out_of_range(format!("mean square of input {at}"), "0 and above", found[at]));
    }
    let mean = found.iter().map(|&s| f64::from(s)).sum::<f64>() / columns as f64;
    let more = if mean > 0.0 { (mean * DAMPING) as f32 } else { 1.0 };
    Ok(found.into_iter().map(|square| square + more).collect())
}
