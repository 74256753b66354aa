//! A fixed random rotation, so that the signs of a vector's numbers say equally much. Knows nothing of codes.

/// Times that signs are drawn and the numbers mixed; one leaves the parts of a vector too little mixed.
const ROUNDS: usize = 2;

/// An orthogonal map of `width` numbers, padded with zeros, to `padded()` numbers: a multiple of 64.
///
/// Random signs and a Walsh-Hadamard transform of the first and of the last 2^p numbers, 2^p being the greatest power
/// that fits; twice. Source: Ailon and Chazelle 2009, the fast Johnson-Lindenstrauss transform.
#[derive(Clone, Debug)]
pub(crate) struct Rotation {
    /// [ROUNDS, padded], each 1 or -1.
    signs: Vec<f32>,
    padded: usize,
}

impl Rotation {
    /// The rotation that belongs to `seed`; the same on every machine.
    pub(crate) fn new(width: usize, seed: u64) -> Self {
        let padded = width.next_multiple_of(64);
        let sign = |place| if mix(seed.wrapping_add(place)) >> 63 == 0 { 1.0 } else { -1.0 };
        Self { signs: (0..(ROUNDS * padded) as u64).map(sign).collect(), padded }
    }

    /// Numbers of a rotated vector.
    pub(crate) fn padded(&self) -> usize {
        self.padded
    }

    /// Rotate `x` [padded] in place. Sums run in one order, so the bits are the same on every machine.
    pub(crate) fn turn(&self, x: &mut [f32]) {
        let part = 1 << self.padded.ilog2();
        for signs in self.signs.chunks_exact(self.padded) {
            x.iter_mut().zip(signs).for_each(|(x, sign)| *x *= sign);
            hadamard(&mut x[..part]);
            if part < self.padded {
                hadamard(&mut x[self.padded - part..]);
            }
        }
    }
}

/// The orthonormal Walsh-Hadamard transform of 2^p numbers, p >= 6.
fn hadamard(x: &mut [f32]) {
    let scale = 1.0 / (x.len() as f32).sqrt();
    for x in x.as_chunks_mut::<8>().0 {
        let sums: [f32; 4] = std::array::from_fn(|i| x[i] + x[i + 4]);
        let less: [f32; 4] = std::array::from_fn(|i| x[i] - x[i + 4]);
        for (half, four) in [sums, less].into_iter().enumerate() {
            let [a, b, c, d] = [four[0] + four[2], four[1] + four[3], four[0] - four[2], four[1] - four[3]];
            x[half * 4..half * 4 + 4].copy_from_slice(&[
                (a + b) * scale,
                (a - b) * scale,
                (c + d) * scale,
                (c - d) * scale,
            ]);
        }
    }
    let mut half = 8;
    while half < x.len() {
        for pair in x.chunks_exact_mut(2 * half) {
            let (low, high) = pair.split_at_mut(half);
            for (a, b) in low.iter_mut().zip(high) {
                (*a, *b) = (*a + *b, *a - *b);
            }
        }
        half *= 2;
    }
}

/// A 64-bit mix of a counter (splitmix64; Steele, Lea and Flood 2014).
fn mix(counter: u64) -> u64 {
    let mut z = counter.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_keeps_lengths_and_spreads_a_single_number() {
        for width in [1, 64, 100, 384, 1000] {
            for place in [0, width / 2, width - 1] {
                let rotation = Rotation::new(width, 7);
                let mut x = vec![0.0; rotation.padded()];
                x[place] = 3.0;
                rotation.turn(&mut x);
                let (length, sum) = x.iter().fold((0.0, 0.0), |(l, s), x| (l + x * x, s + x.abs()));
                assert!((length - 9.0).abs() < 1e-4, "{length}");
                assert!(sum / (rotation.padded() as f32).sqrt() > 0.6 * 3.0, "{width} {place} {sum}");
            }
        }
    }

    #[test]
    fn its_bits_are_fixed_by_the_seed() {
        let turned = |seed| {
            let mut x: Vec<f32> = (0..192).map(|i| i as f32).collect();
            Rotation::new(192, seed).turn(&mut x);
            x
        };
        assert_eq!(turned(1), turned(1));
        assert_ne!(turned(1), turned(2));
    }
}
