//! Every path counts bits and picks rows as the truth does, and the truth is the definition.
#![allow(clippy::unwrap_used)]
mod common;
use common::*;
use foundation::Fault;
use kernels::cpu::{Level, levels};
use kernels::popcount::*;

fn lines(seed: u64, count: usize) -> Vec<Words> {
    (0..count as u64).map(|i| Words(std::array::from_fn(|r| mix(seed << 40 | i << 3 | r as u64)))).collect()
}

#[test]
fn an_estimate_is_the_sum_of_signs_times_levels() {
    for words in [1, 3, 6] {
        let (codes, planes) = (lines(1, 5 * words), lines(2, words));
        let planes: Vec<u64> = planes.iter().flat_map(|line| line.0[..PLANES].to_vec()).collect();
        let start = 7.5 * 64.0 * words as f32;
        let mut out = vec![0.0; 40];
        let blocks = Blocks { codes: &codes, factors: &[1.0; 40], offsets: &[], allow: None };
        estimate(&mut out, Query { planes: &planes, start, step: 1.0 }, blocks).unwrap();
        for (row, &got) in out.iter().enumerate() {
            let bit = |place: usize| codes[row / 8 * words + place / 64].0[row % 8] >> (place % 64) & 1;
            let level = |place: usize| -> u64 {
                (0..PLANES).map(|j| (planes[place / 64 * PLANES + j] >> (place % 64) & 1) << j).sum()
            };
            let sign = |place| 2.0 * bit(place) as f32 - 1.0;
            let want: f32 = (0..64 * words).map(|place| sign(place) * (level(place) as f32 - 7.5)).sum();
            assert_eq!(got, want, "row {row}");
        }
    }
}

#[test]
fn every_path_gives_the_same_estimates() {
    for (words, count) in [(1, 1), (6, 33), (16, 7)] {
        let codes = lines(3, count * words);
        let planes: Vec<u64> = (0..words * PLANES).map(|i| mix(i as u64)).collect();
        let (factors, offsets) = (numbers(4, 8 * count, 1.0), numbers(5, 8 * count, 9.0));
        let allow = bytes(6, count).into_iter().map(|byte| if byte < 90 { 0 } else { byte }).collect::<Vec<_>>();
        let query = Query { planes: &planes, start: 3.25, step: 0.37 };
        for offsets in [&[][..], &offsets] {
            for allow in [None, Some(&allow[..])] {
                let at = |level: Level| {
                    let mut out = vec![0.0; 8 * count];
                    estimate_on(level, &mut out, query, Blocks { codes: &codes, factors: &factors, offsets, allow })
                        .unwrap();
                    bits(&out)
                };
                levels().iter().for_each(|&level| assert_eq!(at(level), at(Level::Scalar)));
                let hidden = |place: usize| allow.is_some_and(|allow| allow[place / 8] >> (place % 8) & 1 == 0);
                let nowhere = f32::NEG_INFINITY.to_bits();
                assert!(at(Level::Scalar).iter().enumerate().all(|(i, &bits)| hidden(i) == (bits == nowhere)));
            }
        }
    }
}

#[test]
fn every_path_collects_the_same_rows_and_the_same_best() {
    for count in [0, 1, 15, 16, 17, 1000] {
        let (mut estimates, factors) = (numbers(7, count, 1.0), numbers(8, count, 1.0));
        estimates.iter_mut().step_by(5).for_each(|x| *x = f32::NEG_INFINITY);
        for (slack, least) in [(0.5, 0.9), (f32::INFINITY, -f32::MAX), (0.0, 2.0)] {
            let near = |i: &usize| factors[*i].mul_add(slack, estimates[*i]) >= least && estimates[*i] > -2.0;
            let want: Vec<u32> = (0..count).filter(near).map(|i| i as u32 + 9).collect();
            for &level in levels() {
                let mut out = vec![4];
                collect_on(level, &mut out, 9, &estimates, &factors, slack, least).unwrap();
                assert_eq!((out[0], &out[1..]), (4, &want[..]));
            }
        }
        for &level in levels() {
            let (mut best, mut places) = (vec![0.0; 32], vec![0; 32]);
            best_of_groups_on(level, &mut best, &mut places, &estimates).unwrap();
            for group in 0..32 {
                let members = (group..count).step_by(32).filter(|&i| estimates[i] > f32::NEG_INFINITY);
                let want = members.rev().max_by(|&a, &b| estimates[a].total_cmp(&estimates[b]));
                assert_eq!(places[group], want.map_or(u32::MAX, |i| i as u32));
                assert_eq!(best[group], want.map_or(f32::NEG_INFINITY, |i| estimates[i]));
            }
        }
    }
}

#[test]
fn picked_products_are_exact_on_every_path() {
    for width in [64, 384, 65_536] {
        let codes: Vec<Bytes> =
            bytes(9, 20 * width).chunks(64).map(|line| Bytes(std::array::from_fn(|i| line[i]))).collect();
        let extreme = vec![Bytes([255; 64]); width / 64];
        let query: Vec<i8> = common::codes(10, width).into_iter().map(|x| x.max(-127)).collect();
        let rows: Vec<u32> = (0..31).map(|i| mix(i) as u32 % 20).collect();
        for &level in levels() {
            let mut out = vec![0; rows.len()];
            dots_on(level, &mut out, &rows, &query, &codes).unwrap();
            for (&got, &row) in out.iter().zip(&rows) {
                let row = codes[row as usize * width / 64..][..width / 64].iter().flat_map(|line| line.0);
                let want: i32 = row.zip(&query).map(|(code, &x)| (i32::from(code) - 128) * i32::from(x)).sum();
                assert_eq!(got, want);
            }
            dots_on(level, &mut out[..1], &[0], &vec![127; width], &extreme).unwrap();
            assert_eq!(out[0], 127 * 127 * width as i32);
        }
        assert!(matches!(dots(&mut [0], &[20], &query, &codes), Err(Fault::OutOfRange { .. })));
    }
}

#[test]
fn shapes_that_disagree_are_refused() {
    let (codes, planes) = (lines(1, 2), [0; 2 * PLANES]);
    let query = Query { planes: &planes, start: 0.0, step: 1.0 };
    let blocks = Blocks { codes: &codes, factors: &[1.0; 8], offsets: &[], allow: None };
    let mut out = [0.0; 8];
    assert!(estimate(&mut out, query, blocks).is_ok());
    for bad in [
        Blocks { codes: &codes[..1], ..blocks },
        Blocks { factors: &[1.0; 7], ..blocks },
        Blocks { offsets: &[1.0; 7], ..blocks },
        Blocks { allow: Some(&[1, 2]), ..blocks },
    ] {
        assert!(matches!(estimate(&mut out, query, bad), Err(Fault::Shape { .. })));
    }
    assert!(matches!(estimate(&mut out, Query { planes: &[], ..query }, blocks), Err(Fault::OutOfRange { .. })));
    assert!(matches!(best_of_groups(&mut [0.0; 8], &mut [0; 8], &out), Err(Fault::OutOfRange { .. })));
    assert!(matches!(collect(&mut vec![], 0, &out, &[1.0; 7], 0.0, 0.0), Err(Fault::Shape { .. })));
    assert!(matches!(dots(&mut [], &[], &[0; 63], &[]), Err(Fault::Shape { .. })));
    prefetch(&out);
}
