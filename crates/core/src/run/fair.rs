//! Turns between keys: runs with a fair key start in turn with those of other keys, however many there are.

use std::num::NonZeroU16;

use serde::{Deserialize, Serialize};

use crate::key::{InvalidKey, Key};

/// The most runs of a key that start in one turn.
pub const MAX_FAIR_WEIGHT: u16 = 1000;

/// A key whose runs take turns with those of other keys, and how many of them start in a turn.
///
/// Where runs of a key name different weights, that of the run that started last says whether its turn is over.
///
/// ```
/// use aqueduct_core::run::Fair;
///
/// let fair = Fair::key("tenant:7")?.weight(3)?;
/// assert_eq!((fair.key.as_str(), fair.weight.get()), ("tenant:7", 3));
/// assert!(fair.weight(0).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Fair {
    /// The key.
    pub key: Key,
    /// How many of its runs start in one turn.
    #[serde(default, skip_serializing_if = "FairWeight::is_one")]
    pub weight: FairWeight,
}

/// How many runs of a key start in one turn: 1 to [`MAX_FAIR_WEIGHT`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u16", into = "u16")]
pub struct FairWeight(NonZeroU16);

/// The error of a weight that is 0 or too large.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a weight must be from 1 to {MAX_FAIR_WEIGHT}, this one is {weight}")]
pub struct InvalidWeight {
    weight: u16,
}

impl Fair {
    /// Creates turns of one run each.
    #[must_use]
    pub fn new(key: Key) -> Self {
        Self {
            key,
            weight: FairWeight::default(),
        }
    }

    /// Creates turns of one run each, by the text of the key.
    ///
    /// # Errors
    ///
    /// Returns an error unless the text has 1 to 256 bytes.
    pub fn key(text: impl Into<String>) -> Result<Self, InvalidKey> {
        Key::new(text).map(Self::new)
    }

    /// Sets how many runs start in one turn.
    ///
    /// # Errors
    ///
    /// Returns an error unless it is from 1 to [`MAX_FAIR_WEIGHT`].
    pub fn weight(mut self, weight: u16) -> Result<Self, InvalidWeight> {
        self.weight = FairWeight::new(weight)?;
        Ok(self)
    }
}

impl FairWeight {
    /// Creates a weight.
    ///
    /// # Errors
    ///
    /// Returns an error unless it is from 1 to [`MAX_FAIR_WEIGHT`].
    pub fn new(weight: u16) -> Result<Self, InvalidWeight> {
        NonZeroU16::new(weight)
            .filter(|it| it.get() <= MAX_FAIR_WEIGHT)
            .map(Self)
            .ok_or(InvalidWeight { weight })
    }

    /// Returns the number.
    #[must_use]
    pub fn get(self) -> u16 {
        self.0.get()
    }

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
    fn is_one(&self) -> bool {
        *self == Self::default()
    }
}

impl Default for FairWeight {
    fn default() -> Self {
        Self(NonZeroU16::MIN)
    }
}

impl TryFrom<u16> for FairWeight {
    type Error = InvalidWeight;

    fn try_from(weight: u16) -> Result<Self, InvalidWeight> {
        Self::new(weight)
    }
}

impl From<FairWeight> for u16 {
    fn from(weight: FairWeight) -> Self {
        weight.get()
    }
}
