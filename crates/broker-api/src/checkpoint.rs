//! The request to keep a checkpoint of a held run.

use aqueduct_core::Payload;
use aqueduct_core::run::MAX_CHECKPOINT_BYTES;

use crate::error::{BrokerError, BrokerErrorKind};
use crate::lease::LeaseToken;

/// A request to keep a value for the attempts that follow.
///
/// It can be repeated: among the checkpoints of an attempt the one with the greatest number counts.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct CheckpointRequest {
    /// The proof.
    pub token: LeaseToken,
    /// The number of the checkpoint among those of the attempt, from 1.
    pub number: u32,
    /// The value, at most [`MAX_CHECKPOINT_BYTES`].
    pub value: Payload,
}

/// What became of a checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Checkpointed {
    /// It is kept, or a newer one of the same attempt is.
    Kept,
    /// Somebody else holds the run, or nobody: nothing was kept.
    LeaseLost,
}

impl CheckpointRequest {
    /// Creates a request.
    #[must_use]
    pub fn new(token: LeaseToken, number: u32, value: Payload) -> Self {
        Self {
            token,
            number,
            value,
        }
    }

    /// Refuses a value over the limit, for the first line of an implementation.
    ///
    /// # Errors
    ///
    /// Returns an error of kind [`BrokerErrorKind::InvalidData`] if it is too large.
    pub fn check(&self) -> Result<(), BrokerError> {
        let length = self.value.len();
        if length <= MAX_CHECKPOINT_BYTES {
            return Ok(());
        }
        let message =
            format!("the value takes {length} bytes, at most {MAX_CHECKPOINT_BYTES} are allowed");
        Err(BrokerError::new(
            BrokerErrorKind::InvalidData,
            "keep a checkpoint",
            message,
        ))
    }
}
