//! The truth of attention: score each seen key, softmax, add the values in order.
use super::{Call, HEAD, sharing};
use crate::parallel::Shared;
use crate::softmax::scalar::exponentials;
use std::ops::Range;

/// q k / 8; input d adds to chain d mod 4.
#[inline(always)]
fn score(query: &[f32], key: &[f32]) -> f32 {
    let mut chains = [0.0f32; 4];
    for d in 0..HEAD {
        chains[d % 4] = (query[d] * 0.125).mul_add(key[d], chains[d % 4]);
    }
    (chains[0] + chains[1]) + (chains[2] + chains[3])
}

#[inline(always)]
pub(super) fn tile(out: &Shared<'_>, call: &Call<'_>, kv_head: usize, rows: Range<usize>) {
    for m in rows {
        for head in sharing(call, kv_head) {
            let query = call.query(m, head);
            let mut weights: Vec<f32> = (0..call.seen(m)).map(|j| score(query, call.key(j, kv_head))).collect();
            let total = exponentials(&mut weights);
            let mut sum = [0.0f32; HEAD];
            for (j, weight) in weights.iter().enumerate() {
                for (sum, value) in sum.iter_mut().zip(call.value(j, kv_head)) {
                    *sum = weight.mul_add(*value, *sum);
                }
            }
            let inverse = 1.0 / total;
            // SAFETY: each row and head belongs to one task.
            let out = unsafe { out.slice((m * call.heads + head) * HEAD, HEAD) };
            out.iter_mut().zip(sum).for_each(|(out, sum)| *out = sum * inverse);
        }
    }
}
