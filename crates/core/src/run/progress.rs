//! How far a running run is, as its broker was told.

use std::fmt;

use crate::event::Progress;
use crate::time::Timestamp;

/// The newest report of a running run that its broker was told, and when.
///
/// It belongs to one attempt, and goes with it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RunProgress {
    /// How much is done.
    pub done: u64,
    /// Of how much; 0 if that is not known.
    pub total: u64,
    /// In words; empty if there is nothing to say.
    pub text: String,
    /// When the broker was told, by its clock: up to a beat after the task said it.
    pub at: Timestamp,
}

impl RunProgress {
    /// Creates what a broker keeps of a report that it was told `at`.
    #[must_use]
    pub fn new(progress: Progress, at: Timestamp) -> Self {
        let Progress { done, total, text } = progress;
        Self {
            done,
            total,
            text,
            at,
        }
    }
}

impl fmt::Display for RunProgress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.done)?;
        if self.total > 0 {
            write!(f, " of {}", self.total)?;
        }
        if !self.text.is_empty() {
            write!(f, " ({})", self.text)?;
        }
        Ok(())
    }
}
