//! The truth of the scans of codes. Counts and INT8 products are whole numbers, so their order is free.
use super::{BLOCK, Blocks, Bytes, PLANES, Query, Words};

#[inline(always)]
pub(super) fn estimate(out: &mut [f32], query: Query<'_>, blocks: Blocks<'_>) {
    let words = query.planes.len() / PLANES;
    for (block, (out, codes)) in out.chunks_exact_mut(BLOCK).zip(blocks.codes.chunks_exact(words)).enumerate() {
        let allow = blocks.allow.map_or(u8::MAX, |allow| allow[block]);
        if allow == 0 {
            out.fill(f32::NEG_INFINITY);
            continue;
        }
        let counts = counts(codes, query.planes);
        for row in 0..BLOCK {
            let place = block * BLOCK + row;
            let sum = (-query.step).mul_add(counts[row] as f32, query.start);
            let offset = blocks.offsets.get(place).copied().unwrap_or(0.0);
            let value = blocks.factors[place].mul_add(sum, -offset);
            out[row] = if allow >> row & 1 == 1 { value } else { f32::NEG_INFINITY };
        }
    }
}

/// Σ 2ʲ (bits of plane j that differ), row by row.
#[inline(always)]
fn counts(codes: &[Words], planes: &[u64]) -> [u64; BLOCK] {
    let mut counts = [0; BLOCK];
    for (line, planes) in codes.iter().zip(planes.as_chunks::<PLANES>().0) {
        for row in 0..BLOCK {
            for j in 0..PLANES {
                counts[row] += u64::from((line.0[row] ^ planes[j]).count_ones()) << j;
            }
        }
    }
    counts
}

#[inline(always)]
pub(super) fn best_of_groups(best: &mut [f32], places: &mut [u32], estimates: &[f32]) {
    best.fill(f32::NEG_INFINITY);
    places.fill(u32::MAX);
    for (turn, estimates) in estimates.chunks(best.len()).enumerate() {
        for (group, &estimate) in estimates.iter().enumerate() {
            let better = estimate > best[group];
            best[group] = if better { estimate } else { best[group] };
            places[group] = if better { (turn * best.len() + group) as u32 } else { places[group] };
        }
    }
}

#[inline(always)]
pub(super) fn collect(out: &mut Vec<u32>, first: u32, estimates: &[f32], factors: &[f32], slack: f32, least: f32) {
    let is_near = |estimate: f32, factor: f32| factor.mul_add(slack, estimate) >= least && estimate > f32::NEG_INFINITY;
    let mut first = first;
    for (estimates, factors) in estimates.chunks(16).zip(factors.chunks(16)) {
        if estimates.iter().zip(factors).fold(false, |any, (&estimate, &factor)| any | is_near(estimate, factor)) {
            for (place, _) in (first..).zip(estimates.iter().zip(factors)).filter(|(_, (e, f))| is_near(**e, **f)) {
                out.push(place);
            }
        }
        first += estimates.len() as u32;
    }
}

#[inline(always)]
pub(super) fn dots(out: &mut [i32], rows: &[u32], query: &[i8], codes: &[Bytes]) {
    let lines = query.len() / 64;
    for (out, &row) in out.iter_mut().zip(rows) {
        *out = 0;
        for (line, query) in codes[row as usize * lines..][..lines].iter().zip(query.as_chunks::<64>().0) {
            *out += line.0.iter().zip(query).map(|(&code, &x)| i32::from(code) * i32::from(x)).sum::<i32>();
        }
    }
}
