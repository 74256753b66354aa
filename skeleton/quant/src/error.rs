//! How far packed weights are from the true ones: one number, the same for every scheme.
use crate::door::length;
use foundation::Outcome;

/// |x - y| / |x| in the Euclidean norm, in f64; 0 when both are zero, infinite when only x is. Shapes: equal lengths.
pub fn relative_error(x: &[f32], y: &[f32]) -> Outcome<f64> {
    length("y of relative_error", y.len(), x.len())?;
    let (mut apart, mut all) = (0.0f64, 0.0f64);
    for (&x, &y) in x.iter().zip(y) {
        apart += (f64::from(x) - f64::from(y)).powi(2);
        all += f64::from(x).powi(2);
    }
    Ok(if apart == 0.0 { 0.0 } else { (apart / all).sqrt() })
}
