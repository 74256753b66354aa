//! The truth of the exponential.

/// Above this the result is held at exp(88), below its negative plus one it is 0: both ends stay normal numbers.
const HIGHEST: f32 = 88.0;
const LOWEST: f32 = -87.0;
/// 1.5 x 2^23: adding it leaves the nearest integer in the lowest bits.
const ROUNDER: f32 = 12_582_912.0;
/// ln 2 in two parts; the first has so few bits that n times it is exact.
const LN2_HIGH: f32 = 0.693_359_4;
const LN2_LOW: f32 = -2.121_944_4e-4;

/// exp of one number; see the contract in `mod.rs`.
#[inline(always)]
pub(crate) fn exp_one(x: f32) -> f32 {
    let held = if x > HIGHEST { HIGHEST } else { x };
    let shifted = held.mul_add(std::f32::consts::LOG2_E, ROUNDER);
    let n = shifted - ROUNDER;
    let r = n.mul_add(-LN2_LOW, n.mul_add(-LN2_HIGH, held));
    let mut p = 1.0f32 / 5040.0;
    p = p.mul_add(r, 1.0 / 720.0);
    p = p.mul_add(r, 1.0 / 120.0);
    p = p.mul_add(r, 1.0 / 24.0);
    p = p.mul_add(r, 1.0 / 6.0);
    p = p.mul_add(r, 0.5);
    p = p.mul_add(r, 1.0);
    p = p.mul_add(r, 1.0);
    let power = f32::from_bits(shifted.to_bits().wrapping_sub(ROUNDER.to_bits()).wrapping_add(127) << 23);
    if x < LOWEST { 0.0 } else { p * power }
}

#[inline(always)]
pub(super) fn exp(x: &mut [f32], less: f32) {
    for value in x {
        *value = exp_one(*value - less);
    }
}
