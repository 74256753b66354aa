//! The one order of summation that every path keeps: sixteen lanes, folded in halves. Bodies here are always inlined,
//! so that each path compiles them for its own registers.

/// Partial sums kept side by side: one AVX-512 register, two of AVX2, four of NEON.
pub(crate) const LANES: usize = 16;

/// Sixteen partial sums.
pub(crate) type Lanes = [f32; LANES];

/// Fold lanes: i with i + 8, then + 4, + 2, + 1.
#[inline(always)]
pub(crate) fn fold(mut lanes: Lanes) -> f32 {
    let mut half = LANES / 2;
    while half > 0 {
        for i in 0..half {
            lanes[i] += lanes[i + half];
        }
        half /= 2;
    }
    lanes[0]
}

/// Sum of `term(a, b, lane)` over pairs, element k in lane k mod 16, tail included.
#[inline(always)]
pub(crate) fn sum2(a: &[f32], b: &[f32], term: impl Fn(f32, f32, f32) -> f32) -> f32 {
    let mut lanes = [0.0; LANES];
    let (a_blocks, a_tail) = a.as_chunks::<LANES>();
    let (b_blocks, b_tail) = b.as_chunks::<LANES>();
    for (x, y) in a_blocks.iter().zip(b_blocks) {
        for i in 0..LANES {
            lanes[i] = term(x[i], y[i], lanes[i]);
        }
    }
    for (i, (x, y)) in a_tail.iter().zip(b_tail).enumerate() {
        lanes[i] = term(*x, *y, lanes[i]);
    }
    fold(lanes)
}

/// Σ a b with fused multiply-adds.
#[inline(always)]
pub(crate) fn dot(a: &[f32], b: &[f32]) -> f32 {
    sum2(a, b, |x, y, sum| x.mul_add(y, sum))
}

/// The largest of `x`; -inf when empty. Exact, so its order is free.
#[inline(always)]
pub(crate) fn largest(x: &[f32], of: impl Fn(f32) -> f32) -> f32 {
    let mut lanes = [f32::NEG_INFINITY; LANES];
    let (blocks, tail) = x.as_chunks::<LANES>();
    for block in blocks {
        for i in 0..LANES {
            let value = of(block[i]);
            lanes[i] = if value > lanes[i] { value } else { lanes[i] };
        }
    }
    let start = tail.iter().fold(f32::NEG_INFINITY, |best, &v| if of(v) > best { of(v) } else { best });
    lanes.iter().fold(start, |best, &v| if v > best { v } else { best })
}
