//! A quick hash of ids under a key that each process draws for itself, so that nobody can choose ids that collide.
//! Says nothing on order, and is no checksum.
use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher, RandomState};

/// Where each id is.
pub(crate) type Index = HashMap<u128, u32, Keyed>;
/// Ids, each once.
pub(crate) type Ids = std::collections::HashSet<u128, Keyed>;

/// The two halves of a key.
#[derive(Clone)]
pub(crate) struct Keyed(u64, u64);

impl Default for Keyed {
    fn default() -> Self {
        let drawn = RandomState::new();
        Self(drawn.hash_one(0u8), drawn.hash_one(1u8))
    }
}

impl BuildHasher for Keyed {
    type Hasher = Folded;

    fn build_hasher(&self) -> Folded {
        Folded { key: self.clone(), state: 0 }
    }
}

/// The two halves of an id, each under its half of the key, multiplied; the product folded to its half.
pub(crate) struct Folded {
    key: Keyed,
    state: u64,
}

impl Hasher for Folded {
    fn finish(&self) -> u64 {
        self.state
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u128(u128::from(self.state) << 64 | u128::from(*byte)));
    }

    fn write_u128(&mut self, id: u128) {
        let (low, high) = (id as u64 ^ self.key.0, (id >> 64) as u64 ^ self.key.1);
        let product = u128::from(low) * u128::from(high);
        self.state = (product as u64) ^ (product >> 64) as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbouring_ids_do_not_share_a_hash() {
        let keyed = Keyed::default();
        let hashes: std::collections::HashSet<u64> = (0..10_000u128).map(|id| keyed.hash_one(id)).collect();
        assert!(hashes.len() > 9_990);
        let high: std::collections::HashSet<u64> = (0..10_000u128).map(|id| keyed.hash_one(id << 64)).collect();
        assert!(high.len() > 9_990);
    }
}
