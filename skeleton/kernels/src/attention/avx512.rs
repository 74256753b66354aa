//! Attention for AVX-512: keys are turned so that they lie side by side, and score all queries of a task that share them;
//! values are added a block of keys at a time, so that they stay in the first cache while the queries pass by.
use super::{Call, HEAD, sharing};
use crate::aligned::Floats;
use crate::lanes::LANES;
use crate::lanes512::turn4;
use crate::parallel::Shared;
use std::arch::x86_64::*;
use std::cell::Cell;
use std::ops::Range;

/// Registers of one head.
const PARTS: usize = HEAD / LANES;
/// Registers of keys that are turned together.
const SIDES: usize = 2;
/// Keys that are turned together.
const KEYS: usize = SIDES * LANES;
/// Values that are added together.
const VALUES: usize = 64;

/// The most weights that a thread keeps room for between tasks.
const MOST_KEPT: usize = 1 << 18;

thread_local! {
    /// Room for the weights of a task: fresh memory costs as much as the scores.
    static KEPT: Cell<Floats> = Cell::default();
}

/// `KEYS` keys, turned: input d of all of them, side by side. A register that crosses two lines costs two loads.
#[repr(C, align(64))]
struct Turned([[f32; KEYS]; HEAD]);

/// One row and head, and how many keys it sees.
#[derive(Clone, Copy)]
struct Query<'a> {
    row: usize,
    head: usize,
    seen: usize,
    numbers: &'a [f32],
}

/// The queries of a task and their weights, one after the other at a distance of `stride`.
struct Task<'a> {
    call: &'a Call<'a>,
    kv_head: usize,
    queries: Vec<Query<'a>>,
    weights: Floats,
    stride: usize,
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,fma")]
pub(super) fn tile(out: &Shared<'_>, call: &Call<'_>, kv_head: usize, rows: Range<usize>) {
    let mut queries = Vec::with_capacity(rows.len() * sharing(call, kv_head).len());
    for row in rows {
        for head in sharing(call, kv_head) {
            queries.push(Query { row, head, seen: call.seen(row), numbers: call.query(row, head) });
        }
    }
    let Some(most) = queries.last().map(|query| query.seen) else { return };
    let stride = most.next_multiple_of(KEYS);
    // What the thread's last task left is overwritten before it is read.
    let mut weights = KEPT.take();
    weights.resize(queries.len() * stride);
    let mut task = Task { call, kv_head, queries, weights, stride };
    let mut turned = Turned([[0.0; KEYS]; HEAD]);
    for first in (0..most).step_by(KEYS) {
        for side in 0..SIDES {
            turn(call, kv_head, first + side * LANES, most, &mut turned, side);
        }
        task.score(&turned, first);
    }
    let mut inverse = Vec::with_capacity(task.queries.len());
    for (query, weights) in task.queries.iter().zip(task.weights.chunks_exact_mut(stride)) {
        inverse.push(1.0 / exponentials(&mut weights[..query.seen]));
    }
    for first in (0..most).step_by(VALUES) {
        task.add_values(out, first);
    }
    for (query, inverse) in task.queries.iter().zip(inverse) {
        // SAFETY: each row and head belongs to one task.
        let out = unsafe { out.slice((query.row * call.heads + query.head) * HEAD, HEAD) };
        out.iter_mut().for_each(|sum| *sum *= inverse);
    }
    if task.weights.len() <= MOST_KEPT {
        KEPT.set(task.weights);
    }
}

/// exp(score - max) in place and their sum: the truth of softmax, compiled for these registers.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,fma")]
#[inline]
fn exponentials(weights: &mut [f32]) -> f32 {
    crate::softmax::scalar::exponentials(weights)
}

impl Task<'_> {
    /// The scores of all queries with the turned keys from `first` on.
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,fma")]
    #[inline]
    fn score(&mut self, turned: &Turned, first: usize) {
        let mut at = 0;
        while at < self.queries.len() {
            at += match self.queries.len() - at {
                1 => self.scores::<1>(turned, at, first),
                2 | 4 => self.scores::<2>(turned, at, first),
                _ => self.scores::<3>(turned, at, first),
            };
        }
    }

    /// q k / 8 for N queries from `at` on; input d adds to chain d mod 4. Returns N.
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,fma")]
    #[inline]
    fn scores<const N: usize>(&mut self, turned: &Turned, at: usize, first: usize) -> usize {
        let mut numbers: [&[f32]; N] = [&[]; N];
        for i in 0..N {
            numbers[i] = &self.queries[at + i].numbers[..HEAD];
        }
        let mut chains = [[[_mm512_setzero_ps(); SIDES]; 4]; N];
        for quad in 0..HEAD / 4 {
            for c in 0..4 {
                let keys = &turned.0[quad * 4 + c];
                for side in 0..SIDES {
                    // SAFETY: sixteen places for each side.
                    let keys = unsafe { _mm512_loadu_ps(keys.as_ptr().add(side * LANES)) };
                    for i in 0..N {
                        let one = _mm512_set1_ps(numbers[i][quad * 4 + c]);
                        chains[i][c][side] = _mm512_fmadd_ps(one, keys, chains[i][c][side]);
                    }
                }
            }
        }
        for i in 0..N {
            for side in 0..SIDES {
                let (low, high) = (
                    _mm512_add_ps(chains[i][0][side], chains[i][1][side]),
                    _mm512_add_ps(chains[i][2][side], chains[i][3][side]),
                );
                let score = _mm512_mul_ps(_mm512_add_ps(low, high), _mm512_set1_ps(0.125));
                let out = &mut self.weights[(at + i) * self.stride + first + side * LANES..][..LANES];
                // SAFETY: sixteen places.
                unsafe { _mm512_storeu_ps(out.as_mut_ptr(), score) };
            }
        }
        N
    }

    /// Add weight x value of the block of keys from `first` on to what all queries have in `out`.
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,fma")]
    #[inline]
    fn add_values(&self, out: &Shared<'_>, first: usize) {
        let mut at = 0;
        while at < self.queries.len() {
            at += match self.queries.len() - at {
                1 => self.values::<1>(out, at, first),
                2 | 3 => self.values::<2>(out, at, first),
                4 | 5 => self.values::<4>(out, at, first),
                _ => self.values::<6>(out, at, first),
            };
        }
    }

    /// Σ weight x value in the order of keys for N queries from `at` on; each stops at the last key that it sees. Returns N.
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,fma")]
    #[inline]
    fn values<const N: usize>(&self, out: &Shared<'_>, at: usize, first: usize) -> usize {
        let (end, stride) = (first + VALUES, self.stride);
        let weights = &self.weights[at * stride..(at + N) * stride];
        let mut sums = [[_mm512_setzero_ps(); PARTS]; N];
        for i in 0..N {
            if first > 0 {
                sums[i] = load(self.out_of(out, &self.queries[at + i]));
            }
        }
        // A later row never sees less than an earlier one.
        let common = self.queries[at].seen.min(end).max(first);
        let prefix = self.call.prefix().clamp(first, common);
        for keys in [first..prefix, prefix..common] {
            if !keys.is_empty() {
                let value = self.call.value(keys.start, self.kv_head).as_ptr();
                // SAFETY: these keys lie one after the other in the prefix or in the pass, and below the stride.
                sums =
                    unsafe { run(sums, weights[keys.start..].as_ptr(), stride, value, self.call.width(), keys.len()) };
            }
        }
        for i in 0..N {
            let query = &self.queries[at + i];
            for j in common..query.seen.min(end) {
                let value = self.call.value(j, self.kv_head).as_ptr();
                // SAFETY: one key.
                [sums[i]] = unsafe { run([sums[i]], weights[i * stride + j..].as_ptr(), stride, value, HEAD, 1) };
            }
            let out = self.out_of(out, query);
            for part in 0..PARTS {
                // SAFETY: a head has PARTS times sixteen places.
                unsafe { _mm512_storeu_ps(out.as_mut_ptr().add(part * LANES), sums[i][part]) };
            }
        }
        N
    }

    #[inline(always)]
    #[allow(clippy::mut_from_ref)]
    fn out_of<'o>(&self, out: &'o Shared<'_>, query: &Query<'_>) -> &'o mut [f32] {
        // SAFETY: each row and head belongs to one task, which takes one slice at a time.
        unsafe { out.slice((query.row * self.call.heads + query.head) * HEAD, HEAD) }
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

/// The registers of one head.
#[target_feature(enable = "avx512f")]
#[inline]
fn load(head: &[f32]) -> [__m512; PARTS] {
    let head = &head[..HEAD];
    let mut parts = [_mm512_setzero_ps(); PARTS];
    for part in 0..PARTS {
        // SAFETY: a head has PARTS times sixteen places.
        parts[part] = unsafe { _mm512_loadu_ps(head.as_ptr().add(part * LANES)) };
    }
    parts
}

/// Turn keys first .. first + 16 into a side of `turned`; beyond `most` the last one stands in, and nobody reads its score.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,fma")]
#[inline]
fn turn(call: &Call<'_>, kv_head: usize, first: usize, most: usize, turned: &mut Turned, side: usize) {
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
            unsafe { _mm512_storeu_ps(turned.0[at + d].as_mut_ptr().add(side * LANES), inputs[d]) };
        }
    }
}
