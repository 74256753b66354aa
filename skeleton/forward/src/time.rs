//! The features of a diffusion time, and which times of a pass are distinct. The time network itself is two matrices elsewhere.
use crate::spec::TIME_FEATURES;

/// Frequencies of the time features.
const HALF: usize = TIME_FEATURES / 2;

/// The features of each time: cosines, then sines, of 1000 t f_i with f_i = 10000^(-i/128), i < 128. `[times, 256]`.
///
/// Units: t from 0 (clean) to 1 (noise). The angle is rounded to float32 as in training; the cosine is not.
pub(crate) fn features(times: &[f32]) -> Vec<f32> {
    let frequencies: Vec<f32> = (0..HALF).map(|i| (-(1e4f64.ln()) * i as f64 / HALF as f64).exp() as f32).collect();
    let mut out = vec![0.0; times.len() * TIME_FEATURES];
    for (&time, row) in times.iter().zip(out.chunks_exact_mut(TIME_FEATURES)) {
        let (cosines, sines) = row.split_at_mut(HALF);
        for ((&frequency, cosine), sine) in frequencies.iter().zip(cosines).zip(sines) {
            let (s, c) = f64::from(time * 1000.0 * frequency).sin_cos();
            (*cosine, *sine) = (c as f32, s as f32);
        }
    }
    out
}

/// The distinct times in order of their first appearance, and for each time the index of its own among them.
///
/// A picture has 256 vectors and mostly one time: the time network then runs once. Cost: times x distinct times.
pub(crate) fn distinct(times: &[f32]) -> (Vec<f32>, Vec<usize>) {
    let mut found: Vec<f32> = Vec::new();
    let indices = times
        .iter()
        .map(|&time| {
            found.iter().position(|f| f.to_bits() == time.to_bits()).unwrap_or_else(|| {
                found.push(time);
                found.len() - 1
            })
        })
        .collect();
    (found, indices)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clean_vectors_have_cosine_one_and_sine_nought() {
        let row = features(&[0.0]);
        assert!(row[..HALF].iter().all(|&c| c == 1.0) && row[HALF..].iter().all(|&s| s == 0.0));
    }

    #[test]
    fn the_first_pair_turns_a_thousand_times_the_time() {
        let row = features(&[0.25, 0.5]);
        assert!((row[0] - 250f32.cos()).abs() < 1e-6 && (row[HALF] - 250f32.sin()).abs() < 1e-6);
        assert!((row[TIME_FEATURES] - 500f32.cos()).abs() < 1e-6);
    }

    #[test]
    fn each_time_finds_its_own_among_the_distinct() {
        let (found, indices) = distinct(&[0.5, 0.0, 0.5, 1.0, 0.0]);
        assert_eq!((found, indices), (vec![0.5, 0.0, 1.0], vec![0, 1, 0, 2, 1]));
    }
}
