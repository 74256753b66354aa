//! Random inputs for the promises: a small counter-based generator, so that a failure can be replayed.
#![allow(dead_code, clippy::unwrap_used)]

/// A 64-bit mix of a counter (splitmix64).
pub fn mix(counter: u64) -> u64 {
    let mut z = counter.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// `count` numbers in [-range, range).
pub fn numbers(seed: u64, count: usize, range: f32) -> Vec<f32> {
    let one = |i| (mix(seed << 32 | i) >> 40) as f32 / (1u64 << 23) as f32 - 1.0;
    (0..count as u64).map(|i| one(i) * range).collect()
}

/// `count` bytes.
pub fn bytes(seed: u64, count: usize) -> Vec<u8> {
    (0..count as u64).map(|i| mix(seed << 32 | i) as u8).collect()
}

/// `count` signed bytes, -128 included.
pub fn codes(seed: u64, count: usize) -> Vec<i8> {
    bytes(seed, count).into_iter().map(|b| b as i8).collect()
}

/// `count` positive f16 scales around .02, as bits.
pub fn scales(seed: u64, count: usize) -> Vec<u16> {
    numbers(seed, count, 0.01).into_iter().map(|x| half::f16::from_f32(x + 0.02).to_bits()).collect()
}

/// `count` f16 numbers in [-1, 1), as bits.
pub fn halves(seed: u64, count: usize) -> Vec<u16> {
    numbers(seed, count, 1.0).into_iter().map(|x| half::f16::from_f32(x).to_bits()).collect()
}

/// The bits of numbers, so that equality means equality.
pub fn bits(x: &[f32]) -> Vec<u32> {
    x.iter().map(|v| v.to_bits()).collect()
}

/// Random rows, quantised.
pub struct Activations {
    /// INT8 codes [M, width].
    pub codes: Vec<i8>,
    /// One scale a row.
    pub scales: Vec<f32>,
    /// Σ codes of 64.
    pub sums: Vec<i32>,
}

/// Quantise `x` [M, width] with group sums.
pub fn quantised(x: &[f32], width: usize) -> Activations {
    let rows = x.len() / width;
    let mut a = Activations { codes: vec![0; x.len()], scales: vec![0.0; rows], sums: vec![0; x.len() / 64] };
    kernels::act8::quantise(x, width, &mut a.codes, &mut a.scales, Some(&mut a.sums)).unwrap();
    a
}
