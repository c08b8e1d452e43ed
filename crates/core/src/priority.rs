//! Priorities: three levels, served in order without starving the lowest.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The place of a run among the waiting; `High` sorts first.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
#[expect(
    clippy::exhaustive_enums,
    reason = "a fourth level would change the wire format"
)]
pub enum Priority {
    /// Served first.
    High,
    /// Served next; the default.
    #[default]
    Medium,
    /// Served last, but at least once in sixteen claims.
    Low,
}

/// The error of a text that names no priority.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a priority is `high`, `medium` or `low`")]
#[non_exhaustive]
pub struct InvalidPriority;

impl Priority {
    /// Every priority, the highest first.
    pub const ALL: [Self; 3] = [Self::High, Self::Medium, Self::Low];

    /// Returns the number that stands for the priority on the wire.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::High => 0,
            Self::Medium => 1,
            Self::Low => 2,
        }
    }

    /// Returns the priority that a wire number stands for.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }
}

impl FromStr for Priority {
    type Err = InvalidPriority;

    fn from_str(text: &str) -> Result<Self, InvalidPriority> {
        Self::ALL
            .into_iter()
            .find(|priority| priority.to_string() == text)
            .ok_or(InvalidPriority)
    }
}

impl fmt::Display for Priority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::High => "high",
            Self::Medium => "medium",
            Self::Low => "low",
        })
    }
}
