//! Promises of quantisation: every path gives the truth's bytes, on any pool, and says when a weight cannot be held.
#![allow(clippy::unwrap_used)]
use foundation::pool::Pool;
use kernels::cpu::{Level, levels};
use kernels::quantise::{Moment, int2_on, int4_on, int8_on};
use proptest::prelude::*;

type Found = (Vec<u8>, Vec<u16>, bool);

fn int2(level: Level, x: &[f32], columns: usize, moment: Moment) -> Found {
    let (mut packed, mut scales) = (vec![0; x.len() / 4], vec![0; x.len() / 64]);
    let sound = int2_on(level, &mut packed, &mut scales, x, columns, moment).unwrap();
    (packed, scales, sound)
}

fn int4(level: Level, x: &[f32]) -> Found {
    let (mut packed, mut scales) = (vec![0; x.len() / 2], vec![0; x.len() / 64]);
    let sound = int4_on(level, &mut packed, &mut scales, x).unwrap();
    (packed, scales, sound)
}

fn int8(level: Level, x: &[f32], columns: usize) -> Found {
    let (mut packed, mut scales) = (vec![0; x.len()], vec![0; x.len() / columns]);
    let sound = int8_on(level, &mut packed, &mut scales, x, columns).unwrap();
    (packed, scales, sound)
}

/// Weights of all sizes that a file may hold, from nothing to what no f16 holds, and many ties.
fn weights(rows: usize, columns: usize, seed: u32, power: i32) -> Vec<f32> {
    let mixed = |i: usize| (i as u32 ^ seed).wrapping_mul(2_654_435_761) >> 8;
    let value = |i: usize| (mixed(i) % 65) as f32 / 8.0 - 4.0;
    (0..rows * columns).map(|i| value(i) * 2f32.powi(power + (mixed(i / 64) % 3) as i32)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn every_path_gives_the_truths_bytes(tiles in 1usize..4, groups in 1usize..6, seed: u32, power in -40i32..18) {
        let (rows, columns) = (16 * tiles, 64 * groups);
        let x = weights(rows, columns, seed, power);
        for &level in levels() {
            for moment in [Moment::Mean, Moment::Deviation] {
                prop_assert_eq!(int2(level, &x, columns, moment), int2(Level::Scalar, &x, columns, moment));
            }
            prop_assert_eq!(int4(level, &x), int4(Level::Scalar, &x));
            for columns in [columns, columns / 4, 16 * columns] {
                prop_assert_eq!(int8(level, &x, columns), int8(Level::Scalar, &x, columns));
            }
        }
    }

    #[test]
    fn one_bad_weight_anywhere_is_told(at in 0usize..16 * 192, bad in prop_oneof![
        Just(f32::NAN), Just(-f32::NAN), Just(f32::INFINITY), Just(f32::NEG_INFINITY), Just(3e38f32)
    ]) {
        let mut x = weights(16, 192, 3, 0);
        for &level in levels() {
            prop_assert!(int2(level, &x, 192, Moment::Mean).2 && int4(level, &x).2 && int8(level, &x, 48).2);
        }
        x[at] = bad;
        for &level in levels() {
            prop_assert!(!int2(level, &x, 192, Moment::Mean).2 && !int2(level, &x, 192, Moment::Deviation).2);
            prop_assert!(!int4(level, &x).2 && !int8(level, &x, 48).2 && !int8(level, &x, 192).2);
        }
    }
}

#[test]
fn threads_change_no_byte() {
    let x = weights(256, 2048, 9, -6);
    let best = *levels().last().unwrap();
    let all = || (int2(best, &x, 2048, Moment::Deviation), int4(best, &x), int8(best, &x, 2048));
    assert_eq!(Pool::new(3).unwrap().run(all), all());
}

#[test]
fn shapes_that_do_not_fit_are_refused() {
    let (mut packed, mut scales) = (vec![0; 256], vec![0; 16]);
    let x = vec![1.0; 1024];
    let mut two = |x: &[f32], columns| int2_on(Level::Scalar, &mut packed, &mut scales, x, columns, Moment::Mean);
    assert!(two(&x, 64).unwrap());
    assert!(two(&x, 0).is_err() && two(&x, 32).is_err() && two(&x, 128).is_err() && two(&x[..960], 64).is_err());
    assert!(int4_on(Level::Scalar, &mut packed, &mut scales, &x).is_err());
    assert!(int8_on(Level::Scalar, &mut packed, &mut scales, &x, 64).is_err());
}
