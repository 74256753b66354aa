//! What calibration promises: a smaller error of the output than without, exactly where the inputs make a difference.
#![allow(clippy::unwrap_used)]
use foundation::Fault;
use foundation::pool::Pool;
use quant::{Moments, Packed, Scheme, dequantise, output_error, quantise, quantise_calibrated, second_moments};

const ROWS: usize = 32;
const COLUMNS: usize = 128;

/// SplitMix64 of a counter: as good as chance.
fn mix(counter: u64) -> u64 {
    let mut z = counter.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

fn noise(seed: u32, count: usize) -> Vec<f32> {
    let uniform = |i: usize| (mix(u64::from(seed) << 32 | i as u64) >> 40) as f32 / 8_388_608.0 - 1.0;
    (0..count).map(|i| (0..4).map(|k| uniform(4 * i + k)).sum()).collect()
}

/// Activations of very unequal size, each like its neighbour.
fn activations() -> Vec<f32> {
    let raw = noise(77, 600 * COLUMNS);
    let one = |row: &[f32], i: usize| {
        let size = if i.is_multiple_of(9) { 6.0 } else { 0.4 };
        size * (row[i] + 0.8 * row[(i + 1) % COLUMNS] + 0.5 * row[0])
    };
    raw.chunks(COLUMNS).flat_map(|row| (0..COLUMNS).map(|i| one(row, i)).collect::<Vec<_>>()).collect()
}

fn freed(packed: &Packed, scheme: Scheme) -> Vec<f32> {
    dequantise(&packed.bytes, &packed.scales, ROWS, COLUMNS, scheme).unwrap()
}

#[test]
fn the_more_is_known_of_the_inputs_the_smaller_is_the_outputs_error() {
    let (x, full) = (noise(1, ROWS * COLUMNS), second_moments(&activations(), COLUMNS).unwrap());
    let squares: Vec<f32> = full.iter().step_by(COLUMNS + 1).copied().collect();
    let of = |packed: Packed, scheme| output_error(&x, &freed(&packed, scheme), COLUMNS, Moments::Full(&full)).unwrap();
    for scheme in Scheme::ALL {
        let blind = of(quantise(&x, ROWS, COLUMNS, scheme, *scheme.rules().last().unwrap()).unwrap(), scheme);
        let [some, all] = [Moments::Squares(&squares), Moments::Full(&full)]
            .map(|moments| of(quantise_calibrated(&x, ROWS, COLUMNS, scheme, moments).unwrap(), scheme));
        println!("{:18} {blind:.4} {some:.4} {all:.4}", scheme.name());
        assert!(all < some && all < 0.8 * blind, "{}: {blind} {some} {all}", scheme.name());
        // By squares alone nothing but a scale can move, and of INT8 not even that.
        assert!(some < blind * if scheme.bits() == 8 { 1.0001 } else { 0.99 }, "{}: {blind} {some}", scheme.name());
    }
}

#[test]
fn inputs_that_are_all_alike_change_nothing() {
    let x = noise(2, ROWS * COLUMNS);
    let squares = vec![1.0; COLUMNS];
    let mut full = vec![0.0; COLUMNS * COLUMNS];
    full.iter_mut().step_by(COLUMNS + 1).for_each(|m| *m = 1.0);
    for scheme in [Scheme::Int4G64, Scheme::Int8Row, Scheme::Int2G128Affine] {
        let blind = freed(&quantise(&x, ROWS, COLUMNS, scheme, *scheme.rules().last().unwrap()).unwrap(), scheme);
        for moments in [Moments::Squares(&squares), Moments::Full(&full)] {
            let known = freed(&quantise_calibrated(&x, ROWS, COLUMNS, scheme, moments).unwrap(), scheme);
            assert!(quant::relative_error(&blind, &known).unwrap() < 0.02, "{}", scheme.name());
        }
    }
}

#[test]
fn threads_change_nothing() {
    let (x, full) = (noise(3, ROWS * COLUMNS), second_moments(&activations(), COLUMNS).unwrap());
    let run = || quantise_calibrated(&x, ROWS, COLUMNS, Scheme::Int2G64, Moments::Full(&full)).unwrap();
    assert_eq!(Pool::new(3).unwrap().run(run), run());
}

#[test]
fn an_output_error_is_the_error_of_outputs() {
    let (x, inputs) = (noise(4, 2 * COLUMNS), activations());
    let y: Vec<f32> = x.iter().map(|w| w + if *w > 0.0 { 0.1 } else { 0.0 }).collect();
    let product = |w: &[f32]| -> Vec<f32> {
        let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
        w.chunks(COLUMNS).flat_map(|w| inputs.chunks(COLUMNS).map(move |a| dot(a, w))).collect()
    };
    let want = quant::relative_error(&product(&x), &product(&y)).unwrap();
    let full = second_moments(&inputs, COLUMNS).unwrap();
    let found = output_error(&x, &y, COLUMNS, Moments::Full(&full)).unwrap();
    assert!((found / want - 1.0).abs() < 1e-3, "{found} {want}");
    assert_eq!(output_error(&x, &x, COLUMNS, Moments::Full(&full)).unwrap(), 0.0);
}

#[test]
fn moments_that_no_inputs_have_are_refused() {
    let x = vec![0.5; ROWS * COLUMNS];
    let run = |moments| quantise_calibrated(&x, ROWS, COLUMNS, Scheme::Int4G64, moments).err();
    assert!(matches!(run(Moments::Squares(&[1.0])), Some(Fault::Shape { .. })));
    assert!(matches!(run(Moments::Full(&[1.0; COLUMNS])), Some(Fault::Shape { .. })));
    assert!(matches!(run(Moments::Squares(&[-1.0; COLUMNS])), Some(Fault::OutOfRange { .. })));
    assert!(matches!(run(Moments::Squares(&[f32::NAN; COLUMNS])), Some(Fault::OutOfRange { .. })));
    let mut full = vec![5.0; COLUMNS * COLUMNS];
    full.iter_mut().step_by(COLUMNS + 1).for_each(|m| *m = 0.1);
    assert!(matches!(run(Moments::Full(&full)), Some(Fault::OutOfRange { .. })));
    assert!(run(Moments::Squares(&[0.0; COLUMNS])).is_none());
    assert!(matches!(second_moments(&[1.0; 3], 2), Err(Fault::Shape { .. })));
    assert!(matches!(second_moments(&[], 2), Err(Fault::Shape { .. })));
    assert!(matches!(second_moments(&[f32::INFINITY; 2], 2), Err(Fault::OutOfRange { .. })));
    assert!(matches!(output_error(&[1.0; 3], &[1.0; 3], 2, Moments::Squares(&[1.0; 2])), Err(Fault::Shape { .. })));
}
