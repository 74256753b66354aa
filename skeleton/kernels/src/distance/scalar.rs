//! The truth of distances: sixteen lanes by place in the row.
use crate::lanes::{self, sum2};

#[inline(always)]
pub(super) fn dot(query: &[f32], rows: &[f32], out: &mut [f32]) {
    for (row, out) in rows.chunks_exact(query.len()).zip(out) {
        *out = lanes::dot(query, row);
    }
}

#[inline(always)]
pub(super) fn cosine(query: &[f32], rows: &[f32], out: &mut [f32]) {
    let query_length = lanes::dot(query, query).sqrt();
    for (row, out) in rows.chunks_exact(query.len()).zip(out) {
        let lengths = query_length * lanes::dot(row, row).sqrt();
        *out = if lengths > 0.0 { lanes::dot(query, row) / lengths } else { 0.0 };
    }
}

#[inline(always)]
pub(super) fn l2(query: &[f32], rows: &[f32], out: &mut [f32]) {
    for (row, out) in rows.chunks_exact(query.len()).zip(out) {
        *out = sum2(query, row, |a, b, sum| (a - b).mul_add(a - b, sum));
    }
}
