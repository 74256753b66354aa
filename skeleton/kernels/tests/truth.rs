//! The doors against plain arithmetic in f64, and what they refuse.
#![allow(clippy::unwrap_used)]
mod common;
use common::*;
use foundation::Fault;
use kernels::attention::{See, attend};
use kernels::matmul_int2::{self, Int2};
use kernels::matmul_int4::{self, Int4};
use kernels::matmul_int8::{self, Int8};
use kernels::{act8, distance, exp, matmul_f32, norm, rope, silu, softmax};

fn close(got: &[f32], want: &[f64], bound: f64) {
    assert_eq!(got.len(), want.len());
    for (i, (got, want)) in got.iter().zip(want).enumerate() {
        let error = (f64::from(*got) - want).abs();
        assert!(error <= bound * want.abs().max(1.0), "element {i}: {got} against {want}");
    }
}

fn product(x: &[f32], columns: usize, rows: usize, weight: impl Fn(usize, usize) -> f64) -> Vec<f64> {
    let one = |x: &[f32], r| x.iter().enumerate().map(|(k, &x)| f64::from(x) * weight(r, k)).sum();
    x.chunks(columns).flat_map(|x| (0..rows).map(move |r| (x, r))).map(|(x, r)| one(x, r)).collect()
}

fn f16(bits: u16) -> f64 {
    half::f16::from_bits(bits).to_f64()
}

#[test]
fn exp_keeps_its_bound_and_its_ends() {
    let mut at = -87.0f32;
    let mut worst = 0.0f64;
    while at < 88.0 {
        let mut x = [at];
        exp::exp(&mut x, 0.0).unwrap();
        worst = worst.max((f64::from(x[0]) / f64::from(at).exp() - 1.0).abs());
        at += 0.001_37;
    }
    assert!(worst <= f64::from(exp::EXP_RELATIVE_ERROR), "{worst}");
    let mut ends = [-1e30, f32::NEG_INFINITY, -88.0, 0.0, 1e30, f32::NAN];
    exp::exp(&mut ends, 0.0).unwrap();
    assert_eq!(&ends[..4], &[0.0, 0.0, 0.0, 1.0]);
    assert!(ends[4].is_finite() && ends[4] > 1e38 && ends[5].is_nan());
}

#[test]
fn silu_and_softmax_are_what_they_say() {
    let x = numbers(1, 300, 30.0);
    let mut out = x.clone();
    silu::silu(&mut out).unwrap();
    close(&out, &x.iter().map(|&x| f64::from(x) / (1.0 + f64::from(-x).exp())).collect::<Vec<_>>(), 1e-6);
    let mut rows = x.clone();
    softmax::softmax(&mut rows, 100).unwrap();
    for (row, x) in rows.chunks(100).zip(x.chunks(100)) {
        let total: f64 = x.iter().map(|&x| f64::from(x).exp()).sum();
        close(row, &x.iter().map(|&x| f64::from(x).exp() / total).collect::<Vec<_>>(), 1e-6);
    }
}

#[test]
fn codes_round_half_to_even_and_the_scale_has_a_floor() {
    let mut x = vec![0.0; 64];
    (x[0], x[1], x[2], x[3]) = (127.0, 0.5, 1.5, -2.5);
    let (mut codes, mut scales, mut sums) = ([0; 64], [0.0], [0]);
    act8::quantise(&x, 64, &mut codes, &mut scales, Some(&mut sums)).unwrap();
    assert_eq!((&codes[..5], scales[0], sums[0]), (&[127, 0, 2, -2, 0][..], 1.0, 127));
    act8::quantise(&[0.0; 64], 64, &mut codes, &mut scales, None).unwrap();
    assert_eq!((codes, scales[0]), ([0; 64], 1e-5 / 127.0));
}

#[test]
fn every_layout_multiplies_as_its_words_say() {
    let (rows, columns) = (32, 128);
    let x = numbers(2, 3 * columns, 2.0);
    let a = quantised(&x, columns);
    let freed: Vec<f32> = a.codes.iter().enumerate().map(|(i, &c)| f32::from(c) * a.scales[i / columns]).collect();
    let mut out = vec![0.0; 3 * rows];

    let (packed, scales) = (bytes(3, rows * columns / 4), scales(4, rows * columns / 64));
    let int2 = Int2::new(rows, columns, &packed, &scales).unwrap();
    let level2 = |r: usize, k: usize| {
        let byte = packed[(r / 16 * (columns / 16) + k / 16) * 64 + 4 * (r % 16) + k % 4];
        let scale = scales[(r / 16 * (columns / 64) + k / 64) * 16 + r % 16];
        (f64::from(byte >> (2 * (k % 16 / 4)) & 3) - 1.5) * f16(scale)
    };
    matmul_int2::matmul(&mut out, &a.codes, &a.scales, &a.sums, &int2).unwrap();
    close(&out, &product(&freed, columns, rows, level2), 1e-5);
    matmul_int2::matmul_f32_int2(&mut out, &x, &int2).unwrap();
    close(&out, &product(&x, columns, rows, level2), 1e-5);

    let nibbles = bytes(5, rows * columns / 2);
    let int4 = Int4::new(rows, columns, &nibbles, &scales).unwrap();
    let level4 = |r: usize, k: usize| {
        let byte = nibbles[(r * columns + k / 64 * 64) / 2 + k % 32];
        let code = if k % 64 < 32 { byte & 15 } else { byte >> 4 };
        (f64::from(code) - 8.0) * f16(scales[r * (columns / 64) + k / 64])
    };
    matmul_int4::matmul(&mut out, &a.codes, &a.scales, &int4).unwrap();
    close(&out, &product(&freed, columns, rows, level4), 1e-5);
    matmul_int4::matmul_f32_int4(&mut out, &x, &int4).unwrap();
    close(&out, &product(&x, columns, rows, level4), 1e-5);

    let table = codes(6, rows * columns);
    let int8 = Int8::new(rows, columns, &table, &scales[..rows]).unwrap();
    let level8 = |r: usize, k: usize| f64::from(table[r * columns + k]) * f16(scales[r]);
    matmul_int8::matmul(&mut out, &a.codes, &a.scales, &int8).unwrap();
    close(&out, &product(&freed, columns, rows, level8), 1e-5);
    matmul_int8::matmul_f32_int8(&mut out, &x, &int8).unwrap();
    close(&out, &product(&x, columns, rows, level8), 1e-5);
    let mut row = vec![0.0; columns];
    int8.row(5, &mut row).unwrap();
    close(&row, &(0..columns).map(|k| level8(5, k)).collect::<Vec<_>>(), 1e-7);

    let (full, half) = (numbers(7, rows * columns, 1.0), halves(8, rows * columns));
    matmul_f32::matmul(&mut out, &x, &full, rows, columns).unwrap();
    close(&out, &product(&x, columns, rows, |r, k| f64::from(full[r * columns + k])), 1e-5);
    matmul_f32::matmul_f16(&mut out, &x, &half, rows, columns).unwrap();
    close(&out, &product(&x, columns, rows, |r, k| f16(half[r * columns + k])), 1e-5);
}

#[test]
fn norm_divides_by_the_root_of_the_mean_square() {
    let (x, gain) = (numbers(9, 192, 3.0), numbers(10, 96, 1.0));
    let mut out = vec![0.0; 192];
    norm::rms(&mut out, &x, &gain, 1e-6, 96).unwrap();
    let want = x.chunks(96).flat_map(|row| {
        let mean = row.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>() / 96.0;
        row.iter().zip(&gain).map(move |(&x, &g)| f64::from(x) / (mean + 1e-6).sqrt() * f64::from(g))
    });
    close(&out, &want.collect::<Vec<_>>(), 1e-6);
}

#[test]
fn text_turns_by_its_index_and_pictures_by_row_and_column() {
    let (cos, sin) = rope::angles(&[7.0, 2.0], &[7.0, 3.0], 10_000.0, 64).unwrap();
    for i in 0..32 {
        let speed = 10_000f64.powf(-(i as f64) / 32.0);
        let turned = [7.0, if i % 2 == 0 { 2.0 } else { 3.0 }];
        for (m, turn) in turned.into_iter().enumerate() {
            assert!((f64::from(cos[m * 32 + i]) - (turn * speed).cos()).abs() < 1e-7);
            assert!((f64::from(sin[m * 32 + i]) - (turn * speed).sin()).abs() < 1e-7);
        }
    }
    let mut x: Vec<f32> = (0..4).map(|i| i as f32).collect();
    rope::apply(&mut x, 1, 4, &[0.0, 0.0], &[1.0, 1.0]).unwrap();
    assert_eq!(x, [-2.0, -3.0, 0.0, 1.0]);
}

#[test]
fn attention_is_a_softmax_over_what_is_seen() {
    let (q, k, v) = (numbers(11, 6 * 128, 4.0), numbers(12, 11 * 64, 4.0), numbers(13, 11 * 64, 1.0));
    for see in [See::Causal, See::Canvas] {
        let mut out = vec![0.0; q.len()];
        attend(&mut out, &q, &k[..320], &v[..320], &k[320..], &v[320..], 2, 1, see).unwrap();
        let want = q.chunks(64).enumerate().flat_map(|(i, q)| {
            let seen = if see == See::Causal { 5 + i / 2 + 1 } else { 11 };
            let dot = |key: &[f32]| q.iter().zip(key).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>() / 8.0;
            let weights: Vec<f64> = k.chunks(64).take(seen).map(|key| dot(key).exp()).collect();
            let total: f64 = weights.iter().sum();
            let v = &v;
            (0..64).map(move |d| (0..seen).map(|j| weights[j] * f64::from(v[j * 64 + d])).sum::<f64>() / total)
        });
        close(&out, &want.collect::<Vec<_>>(), 2e-6);
    }
}

#[test]
fn distances_are_what_they_say() {
    let (query, rows) = ([3.0, 4.0], [3.0, 4.0, 0.0, 0.0, -4.0, 3.0]);
    let mut out = [0.0; 3];
    distance::dot(&query, &rows, 2, &mut out).unwrap();
    assert_eq!(out, [25.0, 0.0, 0.0]);
    distance::cosine(&query, &rows, 2, &mut out).unwrap();
    assert_eq!(out, [1.0, 0.0, 0.0]);
    distance::l2(&query, &rows, 2, &mut out).unwrap();
    assert_eq!(out, [0.0, 25.0, 50.0]);
}

#[test]
fn wrong_shapes_are_refused_by_name() {
    let refused = |fault: Option<Fault>| matches!(fault, Some(Fault::Shape { .. } | Fault::OutOfRange { .. }));
    assert!(refused(Int2::new(15, 64, &[], &[]).err()));
    assert!(refused(Int2::new(16, 63, &[], &[]).err()));
    assert!(refused(Int2::new(16, 64, &[0; 255], &[0; 16]).err()));
    assert!(refused(Int2::new(usize::MAX - 15, 1 << 63, &[], &[]).err()));
    assert!(refused(Int4::new(1, 64, &[0; 32], &[]).err()));
    assert!(refused(Int8::new(1, 1 << 20, &[], &[]).err()));
    let int8 = Int8::new(2, 4, &[0; 8], &[0; 2]).unwrap();
    assert!(refused(int8.part(1, 2).err()));
    assert!(refused(int8.part(1, usize::MAX).err()));
    assert!(refused(int8.row(2, &mut [0.0; 4]).err()));
    assert!(refused(matmul_int8::matmul_f32_int8(&mut [0.0; 3], &[0.0; 4], &int8).err()));
    assert!(refused(act8::quantise(&[0.0; 10], 4, &mut [0; 10], &mut [0.0; 2], None).err()));
    assert!(refused(act8::quantise(&[0.0; 32], 32, &mut [0; 32], &mut [0.0], Some(&mut [0])).err()));
    assert!(refused(norm::rms(&mut [0.0; 4], &[0.0; 4], &[], 1e-6, 0).err()));
    assert!(refused(rope::apply(&mut [0.0; 4], 1, 4, &[0.0], &[0.0; 2]).err()));
    assert!(refused(rope::angles(&[0.0], &[], 1e4, 64).err()));
    assert!(refused(rope::angles(&[0.0], &[0.0], f64::NAN, 64).err()));
    assert!(refused(attend(&mut [0.0; 64], &[0.0; 64], &[], &[], &[0.0; 63], &[0.0; 64], 1, 1, See::Causal).err()));
    assert!(refused(attend(&mut [], &[], &[], &[], &[], &[], 3, 2, See::Causal).err()));
    assert!(refused(matmul_f32::matmul(&mut [0.0], &[0.0], &[0.0; 2], 1, 1).err()));
}
