//! The last value that an attempt has kept for those that follow.

use crate::payload::Payload;
use crate::time::Timestamp;

/// The most bytes of a checkpoint, as it is encoded.
pub const MAX_CHECKPOINT_BYTES: usize = 64 * 1024;

/// The last value that an attempt has kept for those that follow; it goes with the end of the run.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Checkpoint {
    /// The attempt that has kept it.
    pub attempt: u32,
    /// Its number among those of the attempt, from 1.
    pub number: u32,
    /// When it was kept, by the clock of the broker.
    pub at: Timestamp,
    /// The encoded value.
    pub value: Payload,
}

impl Checkpoint {
    /// Creates a checkpoint.
    #[must_use]
    pub fn new(attempt: u32, number: u32, at: Timestamp, value: Payload) -> Self {
        Self {
            attempt,
            number,
            at,
            value,
        }
    }

    /// Returns whether this is the one of that attempt and number, or a later one: then an old request comes late.
    #[must_use]
    pub fn is_at_least(&self, attempt: u32, number: u32) -> bool {
        (self.attempt, self.number) >= (attempt, number)
    }
}
