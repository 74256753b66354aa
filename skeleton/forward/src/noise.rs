//! The noise of sampling: a pure function of seed, place and token, so that whoever asks again gets the same. Keeps no state.

/// The odd constant of splitmix64's sequence (Steele, Lea and Flood 2014, "Fast splittable pseudorandom number generators").
const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

/// The noise of all tokens at one place under one seed.
#[derive(Clone, Copy, Debug)]
pub struct Noise {
    key: u64,
}

impl Noise {
    /// The noise of the absolute `place` under `seed`.
    pub fn new(seed: u64, place: u64) -> Self {
        Self { key: mix(mix(seed.wrapping_add(GOLDEN)).wrapping_add(place.wrapping_mul(GOLDEN))) }
    }

    /// A number in (0, 1), one of 2^53 equally likely midpoints: 1 - u for the uniform u of this token.
    #[inline(always)]
    pub fn uniform(self, token: u32) -> f64 {
        let bits = mix(self.key.wrapping_add((u64::from(token) + 1).wrapping_mul(GOLDEN))) >> 11;
        (bits as f64 + 0.5) * (0.5 / (1u64 << 52) as f64)
    }

    /// The token's exponential waiting time, -ln u, finite and above 0; never less than `uniform`.
    pub fn wait(self, token: u32) -> f64 {
        -(-self.uniform(token)).ln_1p()
    }

    /// The token's standard Gumbel noise, -ln(-ln u), in float64: float32 noise lowers the temperature unseen
    /// (Zheng et al. 2024, arXiv:2409.02908).
    pub fn gumbel(self, token: u32) -> f64 {
        -self.wait(token).ln()
    }
}

/// The finaliser of splitmix64.
#[inline(always)]
fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_place_and_token_give_the_same_noise_and_others_another() {
        let noise = Noise::new(7, 100);
        assert_eq!(noise.gumbel(5), Noise::new(7, 100).gumbel(5));
        for other in [Noise::new(8, 100), Noise::new(7, 101)] {
            assert_ne!(noise.gumbel(5), other.gumbel(5));
        }
        assert_ne!(noise.gumbel(5), noise.gumbel(6));
    }

    #[test]
    fn the_noise_has_the_mean_and_variance_of_a_gumbel_law() {
        let n = 400_000u32;
        let draws: Vec<f64> = (0..n).map(|i| Noise::new(3, u64::from(i / 8192)).gumbel(i % 8192)).collect();
        let mean = draws.iter().sum::<f64>() / f64::from(n);
        let variance = draws.iter().map(|g| (g - mean).powi(2)).sum::<f64>() / f64::from(n);
        assert!((mean - 0.577_215_664_9).abs() < 0.01, "{mean}");
        assert!((variance - std::f64::consts::PI.powi(2) / 6.0).abs() < 0.03, "{variance}");
    }

    #[test]
    fn the_waiting_time_is_finite_and_bounded_below_by_the_uniform() {
        for token in 0..100_000 {
            let noise = Noise::new(1, 2);
            let (bound, wait) = (noise.uniform(token), noise.wait(token));
            assert!(bound > 0.0 && bound < 1.0 && wait >= bound && wait.is_finite());
        }
    }
}
