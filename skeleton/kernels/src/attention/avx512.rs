//! Attention for AVX-512: sixteen keys are turned so that they lie side by side, and score all queries that share them.
use super::{Call, HEAD, sharing};
use crate::lanes::LANES;
use crate::parallel::Shared;
use std::arch::x86_64::*;
use std::ops::Range;

/// Registers of one head.
const PARTS: usize = HEAD / LANES;

/// Sixteen keys, turned: input d of all of them is register d.
type Turned = [[f32; LANES]; HEAD];

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,fma")]
pub(super) fn tile(out: &Shared<'_>, call: &Call<'_>, kv_head: usize, rows: Range<usize>) {
    let queries: Vec<(usize, usize)> = rows.flat_map(|m| sharing(call, kv_head).map(move |head| (m, head))).collect();
    let most = queries.iter().map(|&(m, _)| call.seen(m)).max().unwrap_or(0);
    let stride = most.next_multiple_of(LANES);
    let mut weights = vec![0.0f32; queries.len() * stride];
    for first in (0..most).step_by(LANES) {
        let turned = turn(call, kv_head, first, most);
        for (index, some) in queries.chunks(4).enumerate() {
            let weights = &mut weights[index * 4 * stride..];
            match *some {
                [a, b, c, d] => scores(call, &turned, [a, b, c, d], weights, stride, first),
                [a, b] => scores(call, &turned, [a, b], weights, stride, first),
                _ => {
                    for (&query, weights) in some.iter().zip(weights.chunks_mut(stride)) {
                        scores(call, &turned, [query], weights, stride, first);
                    }
                }
            }
        }
    }
    let inverse: Vec<f32> = queries
        .iter()
        .zip(weights.chunks_mut(stride.max(1)))
        .map(|(&(m, _), w)| 1.0 / exponentials(&mut w[..call.seen(m)]))
        .collect();
    for (index, some) in queries.chunks(4).enumerate() {
        let weights = &weights[index * 4 * stride..];
        match *some {
            [a, b, c, d] => values(out, call, kv_head, [a, b, c, d], weights, stride, &inverse[index * 4..]),
            [a, b] => values(out, call, kv_head, [a, b], weights, stride, &inverse[index * 4..]),
            _ => {
                for (i, &query) in some.iter().enumerate() {
                    values(out, call, kv_head, [query], &weights[i * stride..], stride, &inverse[index * 4 + i..]);
                }
            }
        }
    }
}

/// exp(score - max) in place and their sum: the truth of softmax, compiled for these registers.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,fma")]
#[inline]
fn exponentials(weights: &mut [f32]) -> f32 {
    crate::softmax::scalar::exponentials(weights)
}

/// q k / 8 of the sixteen keys from `first` on for N queries; input d adds to chain d mod 4.
#[target_feature(enable = "avx512f")]
#[inline]
fn scores<const N: usize>(
    call: &Call<'_>,
    turned: &Turned,
    queries: [(usize, usize); N],
    weights: &mut [f32],
    stride: usize,
    first: usize,
) {
    let queries: [&[f32]; N] = std::array::from_fn(|i| &call.query(queries[i].0, queries[i].1)[..HEAD]);
    let mut chains = [[_mm512_setzero_ps(); 4]; N];
    for d in 0..HEAD {
        // SAFETY: sixteen places.
        let keys = unsafe { _mm512_loadu_ps(turned[d].as_ptr()) };
        for i in 0..N {
            chains[i][d % 4] = _mm512_fmadd_ps(_mm512_set1_ps(queries[i][d]), keys, chains[i][d % 4]);
        }
    }
    for (i, [a, b, c, d]) in chains.into_iter().enumerate() {
        let sum = _mm512_add_ps(_mm512_add_ps(a, b), _mm512_add_ps(c, d));
        let out = &mut weights[i * stride + first..][..LANES];
        // SAFETY: sixteen places.
        unsafe { _mm512_storeu_ps(out.as_mut_ptr(), _mm512_mul_ps(sum, _mm512_set1_ps(0.125))) };
    }
}

/// Turn keys first .. first + 16; beyond `most` the last one stands in, and nobody reads its score.
#[target_feature(enable = "avx512f,avx512dq")]
#[inline]
fn turn(call: &Call<'_>, kv_head: usize, first: usize, most: usize) -> Turned {
    let keys: [&[f32]; LANES] = std::array::from_fn(|i| call.key((first + i).min(most - 1), kv_head));
    let mut turned = [[0.0; LANES]; HEAD];
    for part in 0..PARTS {
        for quad in 0..LANES / 4 {
            // Lane block b of register i holds inputs 4 quad .. + 4 of this part of key 4 b + i.
            let at = part * LANES + 4 * quad;
            let four: [__m512; 4] = std::array::from_fn(|i| {
                // SAFETY: at + 4 <= 64, the length of each key.
                let load = |b: usize| unsafe { _mm_loadu_ps(keys[4 * b + i].as_ptr().add(at)) };
                let low = _mm512_insertf32x4::<1>(_mm512_castps128_ps512(load(0)), load(1));
                _mm512_insertf32x4::<3>(_mm512_insertf32x4::<2>(low, load(2)), load(3))
            });
            for (d, keys) in turn4(four).into_iter().enumerate() {
                // SAFETY: sixteen places.
                unsafe { _mm512_storeu_ps(turned[at + d].as_mut_ptr(), keys) };
            }
        }
    }
    turned
}

/// Turn the 4 x 4 squares that lie in the same lane block of four registers.
#[target_feature(enable = "avx512f")]
#[inline]
fn turn4([a, b, c, d]: [__m512; 4]) -> [__m512; 4] {
    let (low_ab, high_ab) = (_mm512_unpacklo_ps(a, b), _mm512_unpackhi_ps(a, b));
    let (low_cd, high_cd) = (_mm512_unpacklo_ps(c, d), _mm512_unpackhi_ps(c, d));
    [
        _mm512_shuffle_ps::<0b01_00_01_00>(low_ab, low_cd),
        _mm512_shuffle_ps::<0b11_10_11_10>(low_ab, low_cd),
        _mm512_shuffle_ps::<0b01_00_01_00>(high_ab, high_cd),
        _mm512_shuffle_ps::<0b11_10_11_10>(high_ab, high_cd),
    ]
}

/// Σ weight x value in the order of keys for N queries, times `inverse`; a query stops at the last key that it sees.
#[target_feature(enable = "avx512f")]
#[inline]
fn values<const N: usize>(
    out: &Shared<'_>,
    call: &Call<'_>,
    kv_head: usize,
    queries: [(usize, usize); N],
    weights: &[f32],
    stride: usize,
    inverse: &[f32],
) {
    let seen = queries.map(|(m, _)| call.seen(m));
    let common = seen.into_iter().min().unwrap_or(0);
    let rows: [&[f32]; N] = std::array::from_fn(|i| &weights[i * stride..][..seen[i]]);
    let mut sums = [[_mm512_setzero_ps(); PARTS]; N];
    for j in 0..common {
        let value = call.value(j, kv_head);
        for i in 0..N {
            add(&mut sums[i], rows[i][j], value);
        }
    }
    for i in 0..N {
        for j in common..seen[i] {
            add(&mut sums[i], rows[i][j], call.value(j, kv_head));
        }
        let (m, head) = queries[i];
        // SAFETY: each row and head belongs to one task.
        let out = unsafe { out.slice((m * call.heads + head) * HEAD, HEAD) };
        for (out, sum) in out.chunks_exact_mut(LANES).zip(sums[i]) {
            // SAFETY: sixteen places.
            unsafe { _mm512_storeu_ps(out.as_mut_ptr(), _mm512_mul_ps(sum, _mm512_set1_ps(inverse[i]))) };
        }
    }
}

#[target_feature(enable = "avx512f")]
#[inline]
fn add(sums: &mut [__m512; PARTS], weight: f32, value: &[f32]) {
    let value = &value[..HEAD];
    for (part, sum) in sums.iter_mut().enumerate() {
        // SAFETY: a value has HEAD inputs.
        let value = unsafe { _mm512_loadu_ps(value.as_ptr().add(part * LANES)) };
        *sum = _mm512_fmadd_ps(_mm512_set1_ps(weight), value, *sum);
    }
}
