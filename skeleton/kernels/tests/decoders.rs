//! The kernels of the decoders: every path gives the truth's bits, the truth is the arithmetic it says, rows stand alone.
#![allow(clippy::unwrap_used)]
mod common;
use common::*;
use foundation::Fault;
use kernels::cpu::{Level, levels};
use kernels::{gelu, layer_norm, taps};
use proptest::prelude::*;

fn close(got: &[f32], want: &[f64], bound: f64) {
    assert_eq!(got.len(), want.len());
    for (i, (got, want)) in got.iter().zip(want).enumerate() {
        assert!((f64::from(*got) - want).abs() <= bound * want.abs().max(1.0), "element {i}: {got} against {want}");
    }
}

fn same_bits(what: &str, work: impl Fn(Level) -> Vec<f32>) {
    let truth = bits(&work(Level::Scalar));
    for &level in levels() {
        assert!(bits(&work(level)) == truth, "{what} differs on {level:?}");
    }
}

#[test]
fn every_path_keeps_the_bits() {
    for width in [1, 15, 64, 256, 1408] {
        let (x, gain, bias) = (numbers(1, 9 * width, 4.0), numbers(2, width, 2.0), numbers(3, width, 1.0));
        let table = numbers(4, 7 * width, 1.0);
        same_bits("layer_norm", |level| {
            let mut out = vec![0.0; x.len()];
            layer_norm::layer_norm_on(level, &mut out, &x, &gain, &bias, 1e-5).unwrap();
            out
        });
        same_bits("gelu_tanh", |level| {
            let mut out = x.clone();
            gelu::gelu_tanh_on(level, &mut out, &bias).unwrap();
            out
        });
        same_bits("correlate", |level| {
            let mut out = vec![0.0; x.len()];
            taps::correlate_on(level, &mut out, &x, 0, &table, &bias).unwrap();
            out
        });
    }
}

#[test]
fn layer_norm_takes_the_mean_away_and_divides_by_the_deviation() {
    let (x, gain, bias) = (numbers(5, 3 * 100, 7.0), numbers(6, 100, 2.0), numbers(7, 100, 1.0));
    let mut out = vec![0.0; x.len()];
    layer_norm::layer_norm(&mut out, &x, &gain, &bias, 1e-5).unwrap();
    for (row, x) in out.chunks(100).zip(x.chunks(100)) {
        let mean = x.iter().map(|&x| f64::from(x)).sum::<f64>() / 100.0;
        let variance = x.iter().map(|&x| (f64::from(x) - mean).powi(2)).sum::<f64>() / 100.0;
        let one =
            |i: usize| (f64::from(x[i]) - mean) / (variance + 1e-5).sqrt() * f64::from(gain[i]) + f64::from(bias[i]);
        close(row, &(0..100).map(one).collect::<Vec<_>>(), 2e-6);
    }
}

#[test]
fn gelu_is_its_tanh_form_and_keeps_its_ends() {
    let (x, bias) = (numbers(8, 600, 8.0), numbers(9, 200, 1.0));
    let mut out = x.clone();
    gelu::gelu_tanh(&mut out, &bias).unwrap();
    let one = |(i, &x): (usize, &f32)| {
        let v = f64::from(x + bias[i % 200]);
        0.5 * v * (1.0 + ((2.0 / std::f64::consts::PI).sqrt() * (v + 0.044715 * v.powi(3))).tanh())
    };
    close(&out, &x.iter().enumerate().map(one).collect::<Vec<_>>(), 1e-6);
    let mut ends = [-1e9, 0.0, 1e9, f32::NAN];
    gelu::gelu_tanh(&mut ends, &[0.0; 4]).unwrap();
    assert!(ends[0].abs() < 1e-20 && ends[1] == 0.0 && ends[2] == 1e9 && ends[3].is_nan(), "{ends:?}");
}

#[test]
fn taps_correlate_each_channel_with_its_own() {
    let (width, frames) = (3, 11);
    let (x, table, bias) = (numbers(10, frames * width, 2.0), numbers(11, 5 * width, 1.0), numbers(12, width, 1.0));
    let mut out = vec![0.0; x.len()];
    taps::correlate(&mut out, &x, 0, &table, &bias).unwrap();
    let one = |i: usize| {
        let (t, c) = ((i / width) as i64, i % width);
        let inside = (0..5).filter(|k| (0..frames as i64).contains(&(t + k - 2)));
        let terms =
            inside.map(|k| f64::from(x[(t + k - 2) as usize * width + c]) * f64::from(table[k as usize * width + c]));
        f64::from(bias[c]) + terms.sum::<f64>()
    };
    close(&out, &(0..x.len()).map(one).collect::<Vec<_>>(), 1e-6);
}

proptest! {
    #[test]
    fn some_frames_are_those_of_all(seed in 0u64..1000, width in 1usize..40, frames in 1usize..30, from in 0usize..30, count in 0usize..30) {
        let (first, count) = (from.min(frames), count.min(frames - from.min(frames)));
        let (x, table, bias) = (numbers(seed, frames * width, 2.0), numbers(seed + 1, 7 * width, 1.0), numbers(seed + 2, width, 1.0));
        let (mut all, mut some) = (vec![0.0; x.len()], vec![0.0; count * width]);
        taps::correlate(&mut all, &x, 0, &table, &bias).unwrap();
        taps::correlate(&mut some, &x, first, &table, &bias).unwrap();
        prop_assert_eq!(bits(&some), bits(&all[first * width..(first + count) * width]));
        let mut rows = vec![0.0; x.len()];
        layer_norm::layer_norm(&mut rows, &x, &bias, &bias, 1e-5).unwrap();
        let mut alone = vec![0.0; width];
        layer_norm::layer_norm(&mut alone, &x[..width], &bias, &bias, 1e-5).unwrap();
        prop_assert_eq!(bits(&alone), bits(&rows[..width]));
    }
}

#[test]
fn wrong_shapes_are_refused_by_name() {
    let (mut out, x) = ([0.0; 8], [0.0; 8]);
    assert!(matches!(layer_norm::layer_norm(&mut out, &x, &[1.0; 3], &[0.0; 3], 1e-5), Err(Fault::Shape { .. })));
    assert!(matches!(layer_norm::layer_norm(&mut out, &x, &[1.0; 4], &[0.0; 3], 1e-5), Err(Fault::Shape { .. })));
    assert!(matches!(layer_norm::layer_norm(&mut out, &x, &[], &[], 1e-5), Err(Fault::OutOfRange { .. })));
    assert!(matches!(gelu::gelu_tanh(&mut out, &[0.0; 3]), Err(Fault::Shape { .. })));
    assert!(matches!(taps::correlate(&mut out, &x, 0, &[0.0; 8], &[0.0; 4]), Err(Fault::OutOfRange { .. })));
    assert!(matches!(taps::correlate(&mut out, &x, 1, &[0.0; 12], &[0.0; 4]), Err(Fault::OutOfRange { .. })));
    assert!(matches!(taps::correlate(&mut out, &x, 0, &[0.0; 13], &[0.0; 4]), Err(Fault::Shape { .. })));
}
