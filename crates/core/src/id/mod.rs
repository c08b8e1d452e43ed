//! Identities: of runs, and of the processes that produce and consume them.

mod map;

pub use map::{IdHasher, IdMap};

use std::cell::RefCell;
use std::fmt;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::name::ScheduleName;
use crate::time::Timestamp;

/// The error of a text that is not an id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an id is 32 hexadecimal digits, with or without hyphens as in a UUID")]
#[non_exhaustive]
pub struct InvalidId;

macro_rules! id_type {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u128);

        impl $name {
            /// Creates the id with that number.
            #[must_use]
            pub const fn from_u128(number: u128) -> Self {
                Self(number)
            }

            /// Returns the id as a number.
            #[must_use]
            pub const fn as_u128(self) -> u128 {
                self.0
            }

            /// Creates the id from its bytes, most significant first.
            #[must_use]
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(u128::from_be_bytes(bytes))
            }

            /// Returns the bytes, most significant first.
            #[must_use]
            pub const fn to_bytes(self) -> [u8; 16] {
                self.0.to_be_bytes()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                display(self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                display(self.0, f)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                parse(text).map(Self)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                if serializer.is_human_readable() {
                    serializer.collect_str(self)
                } else {
                    serializer.serialize_bytes(&self.to_bytes())
                }
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                if deserializer.is_human_readable() {
                    String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
                } else {
                    deserializer.deserialize_bytes(IdVisitor).map(Self)
                }
            }
        }
    };
}

id_type! {
    /// The identity of a run: 128 bits in the layout of a UUID, version 7.
    ///
    /// The first 48 bits are the time of its making in milliseconds, so that ids sort by age; ids that
    /// one thread makes within a millisecond increase. Source: RFC 9562, section 5.7.
    RunId
}

id_type! {
    /// The identity of a consumer: random, fresh for each start of a process.
    ConsumerId
}

id_type! {
    /// The identity of a producer: random, fresh for each start of a process.
    ProducerId
}

impl RunId {
    /// Creates a new id, made at `now`.
    #[must_use]
    pub fn generate(now: Timestamp) -> Self {
        SOURCE.with_borrow_mut(|source| {
            let random = source.next_within(now.as_millis());
            Self(compose(now.as_millis(), random))
        })
    }

    /// Returns the id of the run of one tick of a schedule, the same whoever computes it.
    #[must_use]
    pub fn for_tick(schedule: &ScheduleName, tick: Timestamp) -> Self {
        let millis = tick.as_millis();
        let hash = fnv1a(schedule.as_str().bytes().chain(millis.to_be_bytes()));
        Self(compose(millis, hash & RANDOM_MASK))
    }

    /// Returns when the id was made; of a run that a schedule has queued, the nominal time of its tick.
    #[must_use]
    pub fn timestamp(self) -> Timestamp {
        Timestamp::from_millis(u64::try_from(self.0 >> TIME_SHIFT).unwrap_or(u64::MAX))
    }
}

impl ConsumerId {
    /// Creates a new, random id.
    #[must_use]
    pub fn generate() -> Self {
        Self(random_u128())
    }
}

impl ProducerId {
    /// Creates a new, random id.
    #[must_use]
    pub fn generate() -> Self {
        Self(random_u128())
    }
}

/// The random part of ids made by one thread: it increases within a millisecond.
struct Source {
    generator: fastrand::Rng,
    millis: u64,
    last: u128,
}

impl Source {
    fn new() -> Self {
        Self {
            generator: fastrand::Rng::with_seed(os_entropy()),
            millis: 0,
            last: 0,
        }
    }

    fn next_within(&mut self, millis: u64) -> u128 {
        let step = u128::from(self.generator.u32(1..));
        let next = self.last + step;
        if millis != self.millis || next > RANDOM_MASK {
            self.millis = millis;
            // The top bit stays free, so that many steps fit before the part is full.
            self.last = self.generator.u128(..) & (RANDOM_MASK >> 1);
        } else {
            self.last = next;
        }
        self.last
    }
}

thread_local! {
    static SOURCE: RefCell<Source> = RefCell::new(Source::new());
}

/// Random bits of the operating system, through the keys of the standard hasher.
pub(crate) fn os_entropy() -> u64 {
    RandomState::new().build_hasher().finish()
}

fn random_u128() -> u128 {
    #[cfg(feature = "test-util")]
    if crate::testing::is_seeded() {
        return SOURCE.with_borrow_mut(|source| source.generator.u128(..));
    }
    u128::from(os_entropy()) << 64 | u128::from(os_entropy())
}

/// Makes the ids of this thread follow from a seed.
#[cfg(feature = "test-util")]
pub(crate) fn seed(seed: u64) {
    SOURCE.with_borrow_mut(|source| {
        *source = Source {
            generator: fastrand::Rng::with_seed(seed),
            millis: 0,
            last: 0,
        };
    });
}

/// Puts time and 74 random bits into the layout of a version 7 UUID.
fn compose(millis: u64, random: u128) -> u128 {
    let high = random >> LOW_RANDOM_BITS; // 12 bits
    let low = random & ((1 << LOW_RANDOM_BITS) - 1); // 62 bits
    (u128::from(millis) << TIME_SHIFT) | VERSION_7 | (high << 64) | VARIANT | low
}

/// 128-bit FNV-1a: offset basis and prime from the specification by Fowler, Noll and Vo.
fn fnv1a(bytes: impl Iterator<Item = u8>) -> u128 {
    let step = |hash: u128, byte: u8| (hash ^ u128::from(byte)).wrapping_mul(FNV_PRIME);
    bytes.fold(FNV_OFFSET, step)
}

fn display(number: u128, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let part = |shift: u32, bits: u32| (number >> shift) & ((1 << bits) - 1);
    write!(
        f,
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        part(96, 32),
        part(80, 16),
        part(64, 16),
        part(48, 16),
        part(0, 48),
    )
}

fn parse(text: &str) -> Result<u128, InvalidId> {
    let hyphens = text.len() == HYPHENATED_CHARS;
    let mut number = 0_u128;
    let mut digits = 0;
    for (index, char) in text.char_indices() {
        if hyphens && matches!(index, 8 | 13 | 18 | 23) {
            if char != '-' {
                return Err(InvalidId);
            }
            continue;
        }
        let digit = char.to_digit(16).ok_or(InvalidId)?;
        number = number << 4 | u128::from(digit);
        digits += 1;
    }
    if digits == DIGITS && (hyphens || text.len() == DIGITS) {
        Ok(number)
    } else {
        Err(InvalidId)
    }
}

struct IdVisitor;

impl de::Visitor<'_> for IdVisitor {
    type Value = u128;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("16 bytes")
    }

    fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<u128, E> {
        let bytes = bytes
            .try_into()
            .map_err(|_| E::invalid_length(bytes.len(), &self))?;
        Ok(u128::from_be_bytes(bytes))
    }
}

const TIME_SHIFT: u32 = 80;
const VERSION_7: u128 = 7 << 76;
const VARIANT: u128 = 0b10 << 62;
const LOW_RANDOM_BITS: u32 = 62;
const RANDOM_MASK: u128 = (1 << 74) - 1;
const FNV_OFFSET: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
const FNV_PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
const DIGITS: usize = 32;
const HYPHENATED_CHARS: usize = 36;
