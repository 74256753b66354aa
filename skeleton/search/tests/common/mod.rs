//! Random vectors for the promises: a counter-based generator, so that a failure can be replayed.
#![allow(dead_code)]

/// A 64-bit mix of a counter (splitmix64).
pub fn mix(counter: u64) -> u64 {
    let mut z = counter.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// A normal number: the sum of twelve uniform ones less 6.
pub fn normal(counter: u64) -> f32 {
    let uniform = |i| (mix(12 * counter + i) >> 11) as f64 / (1u64 << 53) as f64;
    ((0..12).map(uniform).sum::<f64>() - 6.0) as f32
}

/// `rows` vectors around `clusters` centres, or around 0 without any, with noise of deviation `spread`.
pub fn drawn(seed: u64, rows: usize, width: usize, clusters: u64, spread: f32) -> Vec<f32> {
    let one = |place: usize| {
        let (row, column) = ((place / width) as u64, (place % width) as u64);
        let centre = if clusters > 0 { normal(1 << 40 | (mix(row) % clusters * 4096 + column)) } else { 0.0 };
        centre + spread * normal(seed << 32 | place as u64)
    };
    (0..rows * width).map(one).collect()
}
