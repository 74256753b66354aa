//! The triangular factor of an inverse of moments, in f64. Knows nothing of weights.
use foundation::{Fault, Outcome};

/// The upper U [n, n] with Uᵀ U = (M + damping mean(diagonal) I)⁻¹, for M [n, n] symmetric.
///
/// M = R Rᵀ with R upper, found from its last row up, and U = R⁻¹. Cost: 2 n³ / 3 multiply-adds. `OutOfRange` when M is
/// so far from positive that damping does not help.
pub(crate) fn inverse_factor(moments: &[f32], n: usize, damping: f64) -> Outcome<Vec<f32>> {
    let mean = moments.iter().step_by(n + 1).map(|&m| f64::from(m)).sum::<f64>() / n as f64;
    let more = if mean > 0.0 { mean * damping } else { 1.0 };
    let mut r: Vec<f64> = moments.iter().map(|&m| f64::from(m)).collect();
    r.iter_mut().step_by(n + 1).for_each(|m| *m += more);
    factor(&mut r, n)?;
    Ok(inverse(&r, n).into_iter().map(|u| u as f32).collect())
}

/// The upper R with R Rᵀ = `m`, in its place.
fn factor(m: &mut [f64], n: usize) -> Outcome<()> {
    for i in (0..n).rev() {
        let (above, own) = m.split_at_mut(i * n);
        let own = &mut own[..n];
        let square = own[i] - dot(&own[i + 1..], &own[i + 1..]);
        if !(square > 0.0 && square.is_finite()) {
            let range = "those of any activations (symmetric, no direction below 0)";
            return Err(Fault::out_of_range("moments of the inputs", range, format!("{square:e} at input {i}")));
        }
        own[i] = square.sqrt();
        for row in above.chunks_exact_mut(n) {
            row[i] = (row[i] - dot(&row[i + 1..], &own[i + 1..])) / own[i];
        }
        own[..i].fill(0.0);
    }
    Ok(())
}

/// R⁻¹ of an upper R, from its last row up.
fn inverse(r: &[f64], n: usize) -> Vec<f64> {
    let mut u = vec![0.0; n * n];
    for i in (0..n).rev() {
        let (row, below) = u[i * n..].split_at_mut(n);
        for (k, below) in below.chunks_exact(n).enumerate() {
            let (place, by) = (i + 1 + k, r[i * n + i + 1 + k]);
            row[place..].iter_mut().zip(&below[place..]).for_each(|(row, below)| *row -= by * below);
        }
        let own = r[i * n + i];
        row[i + 1..].iter_mut().for_each(|v| *v /= own);
        row[i] = 1.0 / own;
    }
    u
}

/// Σ a b in eight sums side by side.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut sums = [0.0; 8];
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<8>(), b.as_chunks::<8>());
    for (a, b) in a.iter().zip(b) {
        sums.iter_mut().zip(a.iter().zip(b)).for_each(|(sum, (a, b))| *sum += a * b);
    }
    sums.iter().sum::<f64>() + a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum::<f64>()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_factor_undoes_the_moments() {
        let n = 13;
        let x: Vec<f32> = (0..n * 40).map(|i| ((i * i * 7 + i) % 23) as f32 - 11.0).collect();
        let m = crate::second_moments(&x, n).unwrap();
        let u = inverse_factor(&m, n, 0.01).unwrap();
        let more = 0.01 * m.iter().step_by(n + 1).sum::<f32>() / n as f32;
        for (i, j) in (0..n * n).map(|k| (k / n, k % n)) {
            // (Uᵀ U M)ᵢⱼ
            let inverse = |a: usize, b: usize| (0..n).map(|k| u[k * n + a] * u[k * n + b]).sum::<f32>();
            let damped = |a: usize, b: usize| m[a * n + b] + if a == b { more } else { 0.0 };
            let one: f32 = (0..n).map(|k| inverse(i, k) * damped(k, j)).sum();
            assert!((one - f32::from(i == j)).abs() < 1e-3, "{i} {j}: {one}");
        }
    }

    #[test]
    fn moments_of_nothing_real_are_refused() {
        assert!(inverse_factor(&[1.0, 9.0, 9.0, 1.0], 2, 0.01).is_err());
        assert!(inverse_factor(&[0.0; 4], 2, 0.01).is_ok());
    }
}
