//! Who holds a unique key.

use aqueduct_core::{RunId, Timestamp};

/// Which run holds a unique key, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeyHolder {
    /// The run; of a key that is held for a window it may have ended.
    pub run: RunId,
    /// When it got the key.
    pub since: Timestamp,
    /// When the window is over; `None` if the run gives the key back.
    pub until: Option<Timestamp>,
}

impl KeyHolder {
    /// Creates the answer that a run holds a key until it gives it back.
    #[must_use]
    pub fn new(run: RunId, since: Timestamp) -> Self {
        Self {
            run,
            since,
            until: None,
        }
    }

    /// Sets when the window is over, if there is one.
    #[must_use]
    pub fn until(mut self, until: Option<Timestamp>) -> Self {
        self.until = until;
        self
    }
}
