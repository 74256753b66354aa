//! The truth of attention: score each seen key, softmax, add the values in order.
use super::{Call, HEAD, sharing};
use crate::lanes::LANES;
use crate::parallel::Shared;
use crate::softmax::scalar::exponentials;
use std::ops::Range;

/// Sixteen keys, turned: input d of all of them, side by side; where there are fewer, zeros.
type Turned = [[f32; LANES]; HEAD];

/// The first `most` keys, turned.
#[inline(always)]
fn turn(call: &Call<'_>, kv_head: usize, most: usize) -> Vec<Turned> {
    let mut blocks = vec![[[0.0; LANES]; HEAD]; most.div_ceil(LANES)];
    for index in 0..most {
        let block = &mut blocks[index / LANES];
        for (line, number) in block.iter_mut().zip(call.key(index, kv_head)) {
            line[index % LANES] = *number;
        }
    }
    blocks
}

/// q k / 8 with each of sixteen keys: one chain in the order of inputs.
#[inline(always)]
fn scores(query: &[f32; HEAD], keys: &Turned) -> [f32; LANES] {
    let mut sums = [0.0f32; LANES];
    for (number, line) in query.iter().zip(keys) {
        for i in 0..LANES {
            sums[i] = number.mul_add(line[i], sums[i]);
        }
    }
    sums
}

#[inline(always)]
pub(super) fn tile(out: &Shared<'_>, call: &Call<'_>, kv_head: usize, rows: Range<usize>) {
    let Some(last) = rows.clone().last() else { return };
    let blocks = turn(call, kv_head, call.seen(last));
    let mut weights = vec![0.0; blocks.len() * LANES];
    for m in rows {
        for head in sharing(call, kv_head) {
            let mut query = [0.0; HEAD];
            query.iter_mut().zip(call.query(m, head)).for_each(|(scaled, number)| *scaled = number * 0.125);
            let seen = call.seen(m);
            for (weights, keys) in weights.as_chunks_mut::<LANES>().0.iter_mut().zip(&blocks[..seen.div_ceil(LANES)]) {
                *weights = scores(&query, keys);
            }
            let weights = &mut weights[..seen];
            let total = exponentials(weights);
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
