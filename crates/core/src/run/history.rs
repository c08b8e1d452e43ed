//! What is known of the failed attempts of a run, the last of them.

use crate::id::ConsumerId;
use crate::run::failure::Failure;
use crate::time::Timestamp;

/// The most failed attempts that are kept of a run: the last ones.
pub const MAX_HISTORY: usize = 16;

/// The longest message that is kept of an attempt in the history, in bytes.
pub const MAX_HISTORY_MESSAGE_BYTES: usize = 512;

/// The last failed attempts of a run, in their order; at most [`MAX_HISTORY`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History(Vec<FailedAttempt>);

/// A failed attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FailedAttempt {
    /// Which attempt of the run it was, from 1.
    pub attempt: u32,
    /// When the broker heard of its end.
    pub ended_at: Timestamp,
    /// Who held the run.
    pub consumer: ConsumerId,
    /// Why it failed; the message is cut at [`MAX_HISTORY_MESSAGE_BYTES`].
    pub failure: Failure,
}

impl History {
    /// Adds an attempt; beyond [`MAX_HISTORY`] the oldest one goes.
    pub fn push(&mut self, attempt: FailedAttempt) {
        if self.0.len() >= MAX_HISTORY {
            self.0.remove(0);
        }
        self.0.push(attempt);
    }

    /// Returns the attempts, the oldest first.
    pub fn iter(&self) -> std::slice::Iter<'_, FailedAttempt> {
        self.0.iter()
    }

    /// Returns the last failed attempt.
    #[must_use]
    pub fn last(&self) -> Option<&FailedAttempt> {
        self.0.last()
    }

    /// Returns how many attempts there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns whether no attempt has failed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<'a> IntoIterator for &'a History {
    type Item = &'a FailedAttempt;
    type IntoIter = std::slice::Iter<'a, FailedAttempt>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl FailedAttempt {
    /// Creates the entry of an attempt; a long message is cut.
    #[must_use]
    pub fn new(attempt: u32, ended_at: Timestamp, consumer: ConsumerId, failure: &Failure) -> Self {
        Self {
            attempt,
            ended_at,
            consumer,
            failure: failure.cut(MAX_HISTORY_MESSAGE_BYTES),
        }
    }
}
