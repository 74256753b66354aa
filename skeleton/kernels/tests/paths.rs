//! Every path that this machine has gives the bits of the scalar truth.
#![allow(clippy::unwrap_used)]
mod common;
use common::*;
use kernels::attention::{See, attend_on};
use kernels::cpu::{Level, levels};
use kernels::distance::{Measure, measure_on};
use kernels::matmul_int2::Int2;
use kernels::matmul_int4::Int4;
use kernels::matmul_int8::Int8;
use kernels::matmul_int16::{self, Wide};
use kernels::{act8, exp, matmul_f32, matmul_int2, matmul_int4, matmul_int8, norm, peaks, rope, silu, softmax};

/// Run `work` on every path and compare the bits of what it returns with the scalar path's.
fn same_bits(what: &str, work: impl Fn(Level) -> Vec<f32>) {
    let truth = bits(&work(Level::Scalar));
    for &level in levels() {
        assert!(bits(&work(level)) == truth, "{what} differs on {level:?}");
    }
}

#[test]
fn element_kernels_keep_the_bits() {
    for length in [1, 15, 16, 17, 64, 1000] {
        let (x, y) = (numbers(1, length, 20.0), numbers(2, length, 3.0));
        same_bits("exp", |level| {
            let mut x = x.clone();
            exp::exp_on(level, &mut x, 1.5).unwrap();
            x
        });
        same_bits("silu", |level| {
            let mut x = x.clone();
            silu::silu_on(level, &mut x).unwrap();
            x
        });
        same_bits("silu_mul", |level| {
            let mut out = vec![0.0; length];
            silu::silu_mul_on(level, &mut out, &x, &y).unwrap();
            out
        });
        same_bits("softmax", |level| {
            let mut x = x.clone();
            softmax::softmax_on(level, &mut x, length).unwrap();
            x
        });
    }
}

#[test]
fn norms_and_quantised_activations_keep_the_bits() {
    for width in [64, 192, 512, 1408] {
        let (x, gain) = (numbers(3, 5 * width, 4.0), numbers(4, width, 2.0));
        same_bits("rms", |level| {
            let mut out = vec![0.0; x.len()];
            norm::rms_on(level, &mut out, &x, &gain, 1e-6, width).unwrap();
            let mut same = x.clone();
            norm::rms_in_place_on(level, &mut same, &gain, 1e-6).unwrap();
            assert_eq!(bits(&same), bits(&out));
            out
        });
        same_bits("rms_act8", |level| {
            let (mut codes, mut scales, mut sums) = (vec![0; x.len()], vec![0.0; 5], vec![0; x.len() / 64]);
            norm::rms_act8_on(level, &mut codes, &mut scales, Some(&mut sums), &x, &gain, 1e-6, width).unwrap();
            codes.iter().map(|&c| f32::from(c)).chain(scales).chain(sums.iter().map(|&s| s as f32)).collect()
        });
        same_bits("act8", |level| {
            let (mut codes, mut scales, mut sums) = (vec![0; x.len()], vec![0.0; 5], vec![0; x.len() / 64]);
            act8::quantise_on(level, &x, width, &mut codes, &mut scales, Some(&mut sums)).unwrap();
            codes.iter().map(|&c| f32::from(c)).chain(scales).chain(sums.iter().map(|&s| s as f32)).collect()
        });
    }
}

#[test]
fn rotation_and_distances_keep_the_bits() {
    for head in [2, 6, 64] {
        let (x, angle) = (numbers(5, 7 * 3 * head, 1.0), numbers(6, 7 * head / 2, 1.0));
        same_bits("rope", |level| {
            let mut x = x.clone();
            rope::apply_on(level, &mut x, 3, head, &angle, &angle).unwrap();
            x
        });
    }
    for width in [1, 3, 16, 37, 384] {
        let (query, rows) = (numbers(7, width, 1.0), numbers(8, 9 * width, 1.0));
        for measure in [Measure::Dot, Measure::Cosine, Measure::L2] {
            same_bits("distance", |level| {
                let mut out = vec![0.0; 9];
                measure_on(level, measure, &query, &rows, width, &mut out).unwrap();
                out
            });
        }
    }
}

#[test]
fn the_int2_products_keep_the_bits() {
    for (rows, columns) in [(16, 64), (48, 192), (512, 512), (64, 1408)] {
        let (packed, scales) = (bytes(9, rows * columns / 4), scales(10, rows * columns / 64));
        let weights = Int2::new(rows, columns, &packed, &scales).unwrap();
        for count in [1, 2, 3, 4, 5, 6, 7, 8, 9, 16, 19] {
            let x = numbers(11, count * columns, 3.0);
            let a = quantised(&x, columns);
            same_bits("int2 x int8", |level| {
                let mut out = vec![0.0; count * rows];
                let mut jobs = [(&mut out[..], weights)];
                matmul_int2::matmul_all_on(level, &mut jobs, &a.codes, &a.scales, &a.sums).unwrap();
                out
            });
            same_bits("int2 x f32", |level| {
                let mut out = vec![0.0; count * rows];
                matmul_int2::matmul_f32_int2_on(level, &mut out, &x, &weights).unwrap();
                out
            });
        }
    }
}

#[test]
fn the_16_bit_product_keeps_the_bits_and_nearly_is_the_float_product() {
    for (rows, columns) in [(1, 1), (5, 24), (48, 64), (67, 100), (35, 512), (16, 640)] {
        let (table, scales) = (codes(12, rows * columns), scales(13, rows));
        let weights = Int8::new(rows, columns, &table, &scales).unwrap();
        for count in [1, 2, 3, 4, 5, 8, 9, 16, 33] {
            let x = numbers(14, count * columns, 3.0);
            let found = |level| {
                let mut out = vec![0.0; count * rows];
                let wide = Wide::of_on(level, &x, columns).unwrap();
                matmul_int16::matmul_on(level, &mut out, &wide, &weights).unwrap();
                out
            };
            same_bits("int16 x int8", found);
            let mut floats = vec![0.0; count * rows];
            matmul_int8::matmul_f32_int8(&mut floats, &x, &weights).unwrap();
            let size = floats.iter().fold(0.0f32, |m, v| m.max(v.abs()));
            let apart = floats.iter().zip(found(Level::Scalar)).fold(0.0f32, |m, (a, b)| m.max((a - b).abs()));
            assert!(apart <= 1e-4 * size, "{apart} of {size}");
        }
    }
}

#[test]
fn peaks_and_sums_keep_the_bits() {
    for length in [1, 2, 15, 16, 17, 256, 300] {
        let (x, w) = (numbers(15, length, 9.0), numbers(16, length, 1.0));
        let mut tied = x.clone();
        tied[length - 1] = 99.0;
        tied[length / 2] = 99.0;
        for x in [&x, &tied] {
            let mut order: Vec<usize> = (0..length).collect();
            order.sort_by(|&a, &b| x[b].total_cmp(&x[a]).then(a.cmp(&b)));
            for &level in levels() {
                let found = peaks::peaks_on(level, x).unwrap();
                let second = order.get(1).map_or(f32::NEG_INFINITY, |&i| x[i]);
                assert_eq!((found.first, found.place, found.second), (x[order[0]], order[0], second));
                let (truth, ours) = (peaks::sums_on(Level::Scalar, x, &w, 9.0), peaks::sums_on(level, x, &w, 9.0));
                assert_eq!(truth.unwrap(), ours.unwrap());
            }
        }
    }
    assert!(peaks::peaks(&[]).is_err() && peaks::sums(&[1.0], &[], 0.0).is_err());
}

#[test]
fn the_int8_products_keep_the_bits_even_at_minus_128() {
    for (rows, columns) in [(1, 1), (5, 24), (16, 64), (67, 100), (33, 512)] {
        let (table, row_scales) = (codes(12, rows * columns), scales(13, rows));
        let weights = Int8::new(rows, columns, &table, &row_scales).unwrap();
        for count in [1, 2, 3, 7, 8, 9, 17] {
            let (x, act_codes, act_scales) =
                (numbers(14, count * columns, 3.0), codes(15, count * columns), numbers(16, count, 1.0));
            same_bits("int8 x int8", |level| {
                let mut out = vec![0.0; count * rows];
                matmul_int8::matmul_on(level, &mut out, &act_codes, &act_scales, &weights).unwrap();
                out
            });
            same_bits("int8 x f32", |level| {
                let mut out = vec![0.0; count * rows];
                matmul_int8::matmul_f32_int8_on(level, &mut out, &x, &weights).unwrap();
                out
            });
        }
    }
}

#[test]
fn the_f32_and_int4_products_keep_the_bits() {
    for (rows, columns) in [(1, 1), (5, 24), (67, 100), (33, 512), (18, 320)] {
        let (table, half) = (numbers(17, rows * columns, 1.0), halves(18, rows * columns));
        for count in [1, 2, 3, 7, 8, 9, 17] {
            let x = numbers(19, count * columns, 3.0);
            same_bits("f32 x f32", |level| {
                let mut out = vec![0.0; count * rows];
                matmul_f32::matmul_on(level, &mut out, &x, &table, rows, columns).unwrap();
                out
            });
            same_bits("f16 x f32", |level| {
                let mut out = vec![0.0; count * rows];
                matmul_f32::matmul_f16_on(level, &mut out, &x, &half, rows, columns).unwrap();
                out
            });
        }
    }
    let (packed, group_scales) = (bytes(20, 19 * 192 / 2), scales(21, 19 * 3));
    let weights = Int4::new(19, 192, &packed, &group_scales).unwrap();
    for count in [1, 2, 5, 9] {
        let x = numbers(22, count * 192, 3.0);
        let a = quantised(&x, 192);
        same_bits("int4", |level| {
            let mut out = vec![0.0; 2 * count * 19];
            let (first, second) = out.split_at_mut(count * 19);
            matmul_int4::matmul_on(level, first, &a.codes, &a.scales, &weights).unwrap();
            matmul_int4::matmul_f32_int4_on(level, second, &x, &weights).unwrap();
            out
        });
    }
}

#[test]
fn attention_keeps_the_bits() {
    for (heads, kv_heads) in [(1, 1), (4, 2), (8, 4), (6, 2)] {
        for (prefix, rows) in [(0, 1), (0, 5), (3, 1), (15, 2), (16, 9), (33, 20), (100, 16)] {
            let (q, k) = (numbers(23, rows * heads * 64, 3.0), numbers(24, prefix * kv_heads * 64, 3.0));
            let (v, own_k) = (numbers(25, k.len(), 1.0), numbers(26, rows * kv_heads * 64, 3.0));
            let own_v = numbers(27, own_k.len(), 1.0);
            for see in [See::Causal, See::Canvas] {
                same_bits("attention", |level| {
                    let mut out = vec![0.0; q.len()];
                    attend_on(level, &mut out, &q, &k, &v, &own_k, &own_v, heads, kv_heads, see).unwrap();
                    out
                });
            }
        }
    }
}
