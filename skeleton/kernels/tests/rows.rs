//! The law of rows: a row's bits depend on nothing but that row, on every path and any number of threads.
#![allow(clippy::unwrap_used)]
mod common;
use common::*;
use foundation::pool::Pool;
use kernels::attention::{See, attend_on};
use kernels::cpu::{Level, levels};
use kernels::matmul_int2::Int2;
use kernels::matmul_int4::Int4;
use kernels::matmul_int8::Int8;
use kernels::matmul_int16::{self, Wide};
use kernels::{matmul_f32, matmul_int2, matmul_int4, matmul_int8};

const COUNT: usize = 37;

/// `work(level, first row, last row)` gives the output of those rows; check each alone against all together,
/// with one thread, two threads, and outside of any pool.
fn obeys_the_law(what: &str, width: usize, work: impl Fn(Level, usize, usize) -> Vec<f32> + Sync) {
    let (one, two) = (Pool::new(1).unwrap(), Pool::new(2).unwrap());
    for &level in levels() {
        let all = bits(&work(level, 0, COUNT));
        assert!(bits(&one.run(|| work(level, 0, COUNT))) == all, "{what}: one thread differs on {level:?}");
        assert!(bits(&two.run(|| work(level, 0, COUNT))) == all, "{what}: two threads differ on {level:?}");
        for m in 0..COUNT {
            let alone = bits(&two.run(|| work(level, m, m + 1)));
            assert!(alone == all[m * width..(m + 1) * width], "{what}: row {m} alone differs on {level:?}");
        }
        for (from, to) in [(0, 5), (3, 11), (8, 24), (20, COUNT)] {
            let some = bits(&work(level, from, to));
            assert!(some == all[from * width..to * width], "{what}: rows {from}..{to} differ on {level:?}");
        }
    }
}

#[test]
fn int2_rows_stand_alone() {
    let (rows, columns) = (528, 512);
    let (packed, scales) = (bytes(1, rows * columns / 4), scales(2, rows * columns / 64));
    let weights = Int2::new(rows, columns, &packed, &scales).unwrap();
    let x = numbers(3, COUNT * columns, 2.0);
    obeys_the_law("int2 x int8", rows, |level, from, to| {
        let a = quantised(&x[from * columns..to * columns], columns);
        let mut out = vec![0.0; (to - from) * rows];
        matmul_int2::matmul_all_on(level, &mut [(&mut out, weights)], &a.codes, &a.scales, &a.sums).unwrap();
        out
    });
    obeys_the_law("int2 x f32", rows, |level, from, to| {
        let mut out = vec![0.0; (to - from) * rows];
        matmul_int2::matmul_f32_int2_on(level, &mut out, &x[from * columns..to * columns], &weights).unwrap();
        out
    });
}

#[test]
fn several_products_at_once_are_the_same_as_one_after_the_other() {
    let (packed, scales) = (bytes(1, 96 * 256 / 4), scales(2, 96 * 4));
    let (small, large) = (
        Int2::new(32, 256, &packed[..32 * 64], &scales[..32 * 4]).unwrap(),
        Int2::new(96, 256, &packed, &scales).unwrap(),
    );
    let a = quantised(&numbers(3, 200 * 256, 2.0), 256);
    let (mut first, mut second) = (vec![0.0; 200 * 32], vec![0.0; 200 * 96]);
    let pool = Pool::new(2).unwrap();
    pool.run(|| {
        let mut jobs = [(&mut first[..], small), (&mut second[..], large)];
        matmul_int2::matmul_all(&mut jobs, &a.codes, &a.scales, &a.sums).unwrap();
    });
    for (out, weights) in [(first, small), (second, large)] {
        let mut alone = vec![0.0; out.len()];
        matmul_int2::matmul(&mut alone, &a.codes, &a.scales, &a.sums, &weights).unwrap();
        assert_eq!(bits(&alone), bits(&out));
    }
}

#[test]
fn rows_of_16_bits_stand_alone() {
    let (rows, columns) = (530, 320);
    let (table, row_scales) = (codes(4, rows * columns), scales(5, rows));
    let weights = Int8::new(rows, columns, &table, &row_scales).unwrap();
    let x = numbers(3, COUNT * columns, 2.0);
    obeys_the_law("int16 x int8", rows, |level, from, to| {
        let wide = Wide::of_on(level, &x[from * columns..to * columns], columns).unwrap();
        let mut out = vec![0.0; (to - from) * rows];
        matmul_int16::matmul_on(level, &mut out, &wide, &weights).unwrap();
        out
    });
}

#[test]
fn int8_int4_and_f32_rows_stand_alone() {
    let (rows, columns) = (530, 320);
    let (table, row_scales) = (codes(4, rows * columns), scales(5, rows));
    let (packed, group_scales) = (bytes(6, rows * columns / 2), scales(7, rows * columns / 64));
    let (full, half) = (numbers(8, rows * columns, 1.0), halves(9, rows * columns));
    let int8 = Int8::new(rows, columns, &table, &row_scales).unwrap();
    let int4 = Int4::new(rows, columns, &packed, &group_scales).unwrap();
    let x = numbers(10, COUNT * columns, 2.0);
    let a = quantised(&x, columns);
    type Work<'a> = &'a (dyn Fn(Level, &mut [f32], std::ops::Range<usize>, std::ops::Range<usize>) + Sync);
    let kernels: [(&str, Work<'_>); 6] = [
        ("int8 x int8", &|l, out, m, k| matmul_int8::matmul_on(l, out, &a.codes[k], &a.scales[m], &int8).unwrap()),
        ("int8 x f32", &|l, out, _, k| matmul_int8::matmul_f32_int8_on(l, out, &x[k], &int8).unwrap()),
        ("int4 x int8", &|l, out, m, k| matmul_int4::matmul_on(l, out, &a.codes[k], &a.scales[m], &int4).unwrap()),
        ("int4 x f32", &|l, out, _, k| matmul_int4::matmul_f32_int4_on(l, out, &x[k], &int4).unwrap()),
        ("f32 x f32", &|l, out, _, k| matmul_f32::matmul_on(l, out, &x[k], &full, rows, columns).unwrap()),
        ("f16 x f32", &|l, out, _, k| matmul_f32::matmul_f16_on(l, out, &x[k], &half, rows, columns).unwrap()),
    ];
    for (name, kernel) in kernels {
        obeys_the_law(name, rows, |level, from, to| {
            let mut out = vec![0.0; (to - from) * rows];
            kernel(level, &mut out, from..to, from * columns..to * columns);
            out
        });
    }
}

#[test]
fn a_part_of_the_vocabulary_scores_as_in_the_whole() {
    let (table, row_scales) = (codes(11, 100 * 64), scales(12, 100));
    let whole = Int8::new(100, 64, &table, &row_scales).unwrap();
    let x = numbers(13, 9 * 64, 1.0);
    for &level in levels() {
        let mut all = vec![0.0; 9 * 100];
        matmul_int8::matmul_f32_int8_on(level, &mut all, &x, &whole).unwrap();
        for (first, count) in [(0, 7), (7, 64), (71, 29)] {
            let mut some = vec![0.0; 9 * count];
            matmul_int8::matmul_f32_int8_on(level, &mut some, &x, &whole.part(first, count).unwrap()).unwrap();
            for m in 0..9 {
                assert_eq!(bits(&some[m * count..][..count]), bits(&all[m * 100 + first..][..count]));
            }
        }
    }
}

#[test]
fn a_key_weighs_the_same_in_the_prefix_and_in_the_pass() {
    let (heads, kv_heads, length) = (8, 4, 83);
    let (wide, narrow) = (heads * 64, kv_heads * 64);
    let (q, k, v) =
        (numbers(14, length * wide, 3.0), numbers(15, length * narrow, 3.0), numbers(16, length * narrow, 1.0));
    let pass = |level, from: usize, to: usize| {
        let mut out = vec![0.0; (to - from) * wide];
        let (prefix, own) = (0..from * narrow, from * narrow..to * narrow);
        let q = &q[from * wide..to * wide];
        let (k, own_k, v, own_v) = (&k[prefix.clone()], &k[own.clone()], &v[prefix], &v[own]);
        attend_on(level, &mut out, q, k, v, own_k, own_v, heads, kv_heads, See::Causal).unwrap();
        bits(&out)
    };
    let two = Pool::new(2).unwrap();
    for &level in levels() {
        let all = pass(level, 0, length);
        assert!(two.run(|| pass(level, 0, length)) == all, "two threads differ on {level:?}");
        for size in [1, 3, 8, 16, 40] {
            for from in (0..length).step_by(size) {
                let to = (from + size).min(length);
                assert!(pass(level, from, to) == all[from * wide..to * wide], "{from}..{to} differ on {level:?}");
            }
        }
    }
}

#[test]
fn a_canvas_row_does_not_depend_on_how_the_prefix_was_split() {
    let (k, v, q) = (numbers(17, 40 * 64, 3.0), numbers(18, 40 * 64, 1.0), numbers(19, 40 * 64, 3.0));
    for &level in levels() {
        let canvas = |from: usize| {
            let mut out = vec![0.0; (40 - from) * 64];
            let at = from * 64;
            attend_on(level, &mut out, &q[at..], &k[..at], &v[..at], &k[at..], &v[at..], 1, 1, See::Canvas).unwrap();
            bits(&out)
        };
        let whole = canvas(0);
        assert_eq!(canvas(23), whole[23 * 64..]);
        assert_eq!(canvas(39), whole[39 * 64..]);
    }
}
