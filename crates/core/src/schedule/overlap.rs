//! What becomes of a tick while the run of an earlier one has not ended.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What becomes of a tick while the run that the schedule has fired last has not ended: waits, runs, or is tried again
/// later.
///
/// The broker decides in the step that fires the tick.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::exhaustive_enums, reason = "brokers must handle every case")]
pub enum Overlap {
    /// It fires all the same.
    #[default]
    Allow,
    /// It is dropped, and counted.
    Skip,
    /// It fires, and the run before is cancelled: at once if it waits, else its task is told to end.
    CancelPrevious,
}

impl Overlap {
    /// Returns whether a tick simply fires.
    #[must_use]
    pub fn is_allowed(&self) -> bool {
        *self == Self::Allow
    }
}

impl fmt::Display for Overlap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Allow => "allow",
            Self::Skip => "skip",
            Self::CancelPrevious => "cancel_previous",
        })
    }
}
