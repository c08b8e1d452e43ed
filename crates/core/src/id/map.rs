//! A hash map by id, which takes the random bits of the id for its hash.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// A hash map by the id of a run, a consumer or a producer.
///
/// Ids are random already, so hashing them again is work for nothing. Whoever can choose ids can
/// make them collide: the map is for ids that the own application made.
pub type IdMap<Id, V> = HashMap<Id, V, BuildHasherDefault<IdHasher>>;

/// Hashes an id by its last 64 bits.
#[derive(Clone, Copy, Debug, Default)]
pub struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u128(&mut self, number: u128) {
        let low = u64::try_from(number & u128::from(u64::MAX)).unwrap_or_default();
        // The table looks at the top bits too, and those of a run id are its constant variant.
        self.0 = low.wrapping_mul(GOLDEN);
    }
}

/// 2^64 divided by the golden ratio, odd: Knuth's multiplicative hashing, The Art of Computer
/// Programming, volume 3, section 6.4.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;
