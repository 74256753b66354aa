//! The truth of the INT4 products.
use super::{GROUP, Int4};
use crate::lanes::{LANES, Lanes, fold};
use crate::parallel::Shared;
use half::f16;
use std::ops::Range;

/// The weights of one group of one row, less their scale.
#[inline(always)]
fn levels(bytes: &[u8]) -> [i8; GROUP] {
    let mut levels = [0; GROUP];
    for (b, byte) in bytes.iter().enumerate().take(GROUP / 2) {
        levels[b] = (byte & 15) as i8 - 8;
        levels[b + GROUP / 2] = (byte >> 4) as i8 - 8;
    }
    levels
}

/// The integer sums of a group, inputs 4 l ..= 4 l + 3 in lane l.
#[inline(always)]
fn sums(levels: &[i8; GROUP], codes: &[i8]) -> [i32; LANES] {
    let mut sums = [0; LANES];
    for (k, (&level, &code)) in levels.iter().zip(codes).enumerate() {
        sums[k / 4] += i32::from(level) * i32::from(code);
    }
    sums
}

/// Run `group(row bytes, group index, scale, lanes)` over the groups of a row.
#[inline(always)]
fn over_groups(weights: &Int4<'_>, row: usize, mut group: impl FnMut(&[u8], usize, f32)) {
    let groups = weights.columns / GROUP;
    let bytes = weights.packed[row * weights.columns / 2..].chunks_exact(GROUP / 2);
    for (g, (bytes, &scale)) in bytes.zip(&weights.scales[row * groups..(row + 1) * groups]).enumerate() {
        group(bytes, g, f16::from_bits(scale).to_f32());
    }
}

#[inline(always)]
pub(super) fn product(out: &Shared<'_>, codes: &[i8], act_scales: &[f32], weights: &Int4<'_>, rows: Range<usize>) {
    for (m, (x, act_scale)) in codes.chunks_exact(weights.columns).zip(act_scales).enumerate() {
        // SAFETY: each range of rows belongs to one task.
        let out = unsafe { out.slice(m * weights.rows + rows.start, rows.len()) };
        for (out, row) in out.iter_mut().zip(rows.clone()) {
            let mut total: Lanes = [0.0; LANES];
            over_groups(weights, row, |bytes, g, scale| {
                let sums = sums(&levels(bytes), &x[g * GROUP..]);
                for lane in 0..LANES {
                    total[lane] = (sums[lane] as f32).mul_add(scale, total[lane]);
                }
            });
            *out = fold(total) * act_scale;
        }
    }
}

#[inline(always)]
pub(super) fn product_f32(out: &Shared<'_>, x: &[f32], weights: &Int4<'_>, rows: Range<usize>) {
    for (m, x) in x.chunks_exact(weights.columns).enumerate() {
        // SAFETY: each range of rows belongs to one task.
        let out = unsafe { out.slice(m * weights.rows + rows.start, rows.len()) };
        for (out, row) in out.iter_mut().zip(rows.clone()) {
            let mut total: Lanes = [0.0; LANES];
            over_groups(weights, row, |bytes, g, scale| {
                let levels = levels(bytes);
                let mut part: Lanes = [0.0; LANES];
                for (x, levels) in
                    x[g * GROUP..(g + 1) * GROUP].as_chunks::<LANES>().0.iter().zip(levels.as_chunks::<LANES>().0)
                {
                    for lane in 0..LANES {
                        part[lane] = x[lane].mul_add(f32::from(levels[lane]), part[lane]);
                    }
                }
                for lane in 0..LANES {
                    total[lane] = part[lane].mul_add(scale, total[lane]);
                }
            });
            *out = fold(total);
        }
    }
}
