//! Attention for AVX-512: a task turns the keys that it sees once, so that they lie side by side, and takes its queries
//! twelve at a time: their scores, exponentials and sums stay in the first cache while keys and values pass by.
use super::{Call, HEAD, sharing};
use crate::aligned::Floats;
use crate::exp::scalar::exp_one;
use crate::lanes::{LANES, fold};
use crate::lanes512::turn4;
use crate::parallel::Shared;
use std::arch::x86_64::*;
use std::cell::Cell;
use std::ops::Range;

/// Registers of one head.
const PARTS: usize = HEAD / LANES;
/// Registers of keys that are scored together.
const SIDES: usize = 2;
/// Keys that are scored together.
const KEYS: usize = SIDES * LANES;
/// Numbers of a block of turned keys: input d of its `KEYS` keys, side by side, for each d.
const BLOCK: usize = KEYS * HEAD;
/// The most queries that are taken together.
const QUERIES: usize = 12;

/// The most numbers that a thread keeps room for between tasks.
const MOST_KEPT: usize = 1 << 18;

thread_local! {
    /// Room for the keys, the queries and the weights of a task: fresh memory costs as much as the scores.
    static KEPT: Cell<[Floats; 3]> = Cell::default();
}

/// The rows and the key head of a task, and its room; what the thread's last task left there is overwritten before it is read.
struct Task<'a> {
    call: &'a Call<'a>,
    kv_head: usize,
    rows: Range<usize>,
    /// Query heads that share the key head.
    heads: Range<usize>,
    /// How many keys are turned: each block when the first query needs it.
    turned: usize,
    /// Blocks of keys, turned.
    keys: Floats,
    /// Row by row and head by head, over 8.
    queries: Floats,
    /// Of the queries that are taken together, each in a row of `stride`.
    weights: Floats,
    stride: usize,
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,fma")]
pub(super) fn tile(out: &Shared<'_>, call: &Call<'_>, kv_head: usize, rows: Range<usize>) {
    let heads = sharing(call, kv_head);
    let count = rows.len() * heads.len();
    if count == 0 {
        return;
    }
    let room = call.seen(rows.end - 1).next_multiple_of(KEYS);
    // Rows of weights a power of two apart would fall into the same places of the cache.
    let stride = room + LANES;
    let [mut keys, mut queries, mut weights] = KEPT.take();
    keys.resize(room * HEAD);
    queries.resize(count * HEAD);
    weights.resize(count.min(QUERIES) * stride);
    let mut task = Task { call, kv_head, rows, heads, turned: 0, keys, queries, weights, stride };
    task.scale_queries();
    let mut at = 0;
    while at < count {
        at += match count - at {
            1 => task.attend::<1>(out, at),
            2..4 => task.attend::<2>(out, at),
            4..8 => task.attend::<4>(out, at),
            8..QUERIES => task.attend::<8>(out, at),
            _ => task.attend::<QUERIES>(out, at),
        };
    }
    if task.keys.len() + task.queries.len() + task.weights.len() <= MOST_KEPT {
        KEPT.set([task.keys, task.queries, task.weights]);
    }
}

/// exp(score - max) in place for the first `seen` scores, and their sum: the operations of softmax, bit for bit.
///
/// The last block is filled up with -inf, whose exponential is 0: it changes neither the maximum nor a sum.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,fma")]
#[inline]
fn exponentials(scores: &mut [f32], seen: usize) -> f32 {
    let scores = &mut scores[..seen.next_multiple_of(LANES)];
    scores[seen..].fill(f32::NEG_INFINITY);
    let (blocks, _) = scores.as_chunks_mut::<LANES>();
    let mut most = _mm512_set1_ps(f32::NEG_INFINITY);
    for block in blocks.iter() {
        // SAFETY: sixteen places.
        most = _mm512_max_ps(unsafe { _mm512_loadu_ps(block.as_ptr()) }, most);
    }
    let top = _mm512_reduce_max_ps(most);
    let mut sums = [0.0; LANES];
    for block in blocks {
        for i in 0..LANES {
            block[i] = exp_one(block[i] - top);
            sums[i] += block[i];
        }
    }
    fold(sums)
}

impl Task<'_> {
    fn row(&self, query: usize) -> usize {
        self.rows.start + query / self.heads.len()
    }

    fn head(&self, query: usize) -> usize {
        self.heads.start + query % self.heads.len()
    }

    fn seen(&self, query: usize) -> usize {
        self.call.seen(self.row(query))
    }

    fn scale_queries(&mut self) {
        for (query, scaled) in self.queries.chunks_exact_mut(HEAD).enumerate() {
            let (row, head) = (query / self.heads.len(), query % self.heads.len());
            let numbers = self.call.query(self.rows.start + row, self.heads.start + head);
            scaled.iter_mut().zip(numbers).for_each(|(scaled, number)| *scaled = number * 0.125);
        }
    }

    /// N queries from `at` on, whole. Returns N.
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,fma")]
    #[inline]
    fn attend<const N: usize>(&mut self, out: &Shared<'_>, at: usize) -> usize {
        // A later row never sees less than an earlier one.
        for first in (0..self.seen(at + N - 1)).step_by(KEYS) {
            if first >= self.turned {
                self.turn(first);
            }
            self.scores::<N>(at, first);
        }
        let mut inverse = [0.0; N];
        for i in 0..N {
            let seen = self.seen(at + i);
            inverse[i] = 1.0 / exponentials(&mut self.weights[i * self.stride..], seen);
        }
        let mut i = 0;
        while i < N {
            let (weights, inverse) = (&self.weights[i * self.stride..], &inverse[i..]);
            i += match N - i {
                1 => self.values::<1>(out, weights, inverse, at + i),
                2 => self.values::<2>(out, weights, inverse, at + i),
                4 | 8 => self.values::<4>(out, weights, inverse, at + i),
                _ => self.values::<6>(out, weights, inverse, at + i),
            };
        }
        N
    }

    /// Turn the block of keys from `first` on, the next one.
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,fma")]
    #[inline]
    fn turn(&mut self, first: usize) {
        let most = self.call.seen(self.rows.end - 1);
        let block = &mut self.keys[first * HEAD..][..BLOCK];
        for side in 0..SIDES {
            turn(self.call, self.kv_head, first + side * LANES, most, block, side);
        }
        self.turned = first + KEYS;
    }

    /// q k of N queries from `at` on and the block of keys from `first` on: one chain in the order of inputs.
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,fma")]
    #[inline]
    fn scores<const N: usize>(&mut self, at: usize, first: usize) {
        let queries = &self.queries[at * HEAD..][..N * HEAD];
        let turned = &self.keys[first * HEAD..][..BLOCK];
        let mut sums = [[_mm512_setzero_ps(); SIDES]; N];
        for d in 0..HEAD {
            let mut keys = [_mm512_setzero_ps(); SIDES];
            for side in 0..SIDES {
                // SAFETY: a block has KEYS places for each input.
                keys[side] = unsafe { _mm512_loadu_ps(turned.as_ptr().add(d * KEYS + side * LANES)) };
            }
            for i in 0..N {
                // SAFETY: N times HEAD places.
                let one = _mm512_set1_ps(unsafe { *queries.as_ptr().add(i * HEAD + d) });
                for side in 0..SIDES {
                    sums[i][side] = _mm512_fmadd_ps(one, keys[side], sums[i][side]);
                }
            }
        }
        for i in 0..N {
            let weights = &mut self.weights[i * self.stride + first..][..KEYS];
            for side in 0..SIDES {
                // SAFETY: KEYS is SIDES times sixteen.
                unsafe { _mm512_storeu_ps(weights.as_mut_ptr().add(side * LANES), sums[i][side]) };
            }
        }
    }

    /// Σ weight x value in the order of keys for N queries from `at` on; each stops at the last key that it sees. Returns N.
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,fma")]
    #[inline]
    fn values<const N: usize>(&self, out: &Shared<'_>, weights: &[f32], inverse: &[f32], at: usize) -> usize {
        let mut sums = [[_mm512_setzero_ps(); PARTS]; N];
        let (prefix, common, stride) = (self.call.prefix(), self.seen(at), self.stride);
        for keys in [0..prefix, prefix..common] {
            if !keys.is_empty() {
                let value = self.call.value(keys.start, self.kv_head).as_ptr();
                let weights = weights[keys.start..][..(N - 1) * stride + keys.len()].as_ptr();
                // SAFETY: these keys lie one after the other in the prefix or in the pass; their weights were sliced.
                sums = unsafe { run(sums, weights, stride, value, self.call.width(), keys.len()) };
            }
        }
        for i in 0..N {
            for j in common..self.seen(at + i) {
                let value = self.call.value(j, self.kv_head).as_ptr();
                // SAFETY: one key.
                [sums[i]] = unsafe { run([sums[i]], weights[i * stride + j..].as_ptr(), stride, value, HEAD, 1) };
            }
            // SAFETY: each row and head belongs to one task, which takes one slice at a time.
            let out = unsafe { out.slice((self.row(at + i) * self.call.heads + self.head(at + i)) * HEAD, HEAD) };
            for part in 0..PARTS {
                let sum = _mm512_mul_ps(sums[i][part], _mm512_set1_ps(inverse[i]));
                // SAFETY: a head has PARTS times sixteen places.
                unsafe { _mm512_storeu_ps(out.as_mut_ptr().add(part * LANES), sum) };
            }
        }
        N
    }
}

/// Add weight x value of `count` keys, one after the other, to the sums of N queries.
///
/// # Safety
/// There are `count` weights in each of N rows `stride` apart, and `count` values, `width` apart.
#[target_feature(enable = "avx512f,fma")]
#[inline]
unsafe fn run<const N: usize>(
    mut sums: [[__m512; PARTS]; N],
    weights: *const f32,
    stride: usize,
    values: *const f32,
    width: usize,
    count: usize,
) -> [[__m512; PARTS]; N] {
    for j in 0..count {
        // SAFETY: by the caller's contract; a value has PARTS times sixteen places.
        unsafe {
            let value = values.add(j * width);
            let parts = [
                _mm512_loadu_ps(value),
                _mm512_loadu_ps(value.add(LANES)),
                _mm512_loadu_ps(value.add(2 * LANES)),
                _mm512_loadu_ps(value.add(3 * LANES)),
            ];
            for i in 0..N {
                let weight = _mm512_set1_ps(*weights.add(i * stride + j));
                for part in 0..PARTS {
                    sums[i][part] = _mm512_fmadd_ps(weight, parts[part], sums[i][part]);
                }
            }
        }
    }
    sums
}

/// Turn keys first .. first + 16 into a side of a block of turned keys; beyond `most` the last one stands in, and nobody reads its score.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,fma")]
#[inline]
fn turn(call: &Call<'_>, kv_head: usize, first: usize, most: usize, turned: &mut [f32], side: usize) {
    let turned = &mut turned[..BLOCK];
    let mut keys: [&[f32]; LANES] = [&[]; LANES];
    for i in 0..LANES {
        keys[i] = &call.key((first + i).min(most - 1), kv_head)[..HEAD];
    }
    for at in (0..HEAD).step_by(4) {
        // Lane block b of register i holds inputs at .. at + 4 of key 4 b + i.
        let mut four = [_mm512_setzero_ps(); 4];
        for i in 0..4 {
            // SAFETY: at + 4 <= 64, the length of each key.
            unsafe {
                let low = _mm512_castps128_ps512(_mm_loadu_ps(keys[i].as_ptr().add(at)));
                let low = _mm512_insertf32x4::<1>(low, _mm_loadu_ps(keys[4 + i].as_ptr().add(at)));
                let high = _mm512_insertf32x4::<2>(low, _mm_loadu_ps(keys[8 + i].as_ptr().add(at)));
                four[i] = _mm512_insertf32x4::<3>(high, _mm_loadu_ps(keys[12 + i].as_ptr().add(at)));
            }
        }
        let inputs = turn4(four);
        for d in 0..4 {
            // SAFETY: sixteen places for each side.
            unsafe { _mm512_storeu_ps(turned.as_mut_ptr().add((at + d) * KEYS + side * LANES), inputs[d]) };
        }
    }
}
