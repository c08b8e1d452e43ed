//! Lanes: IO runs and CPU runs are claimed apart, so that neither waits behind the other.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The kind of execution that a run needs.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
#[expect(
    clippy::exhaustive_enums,
    reason = "a third lane would change the wire format and every broker"
)]
pub enum Lane {
    /// Runs beside others on the consumer's runtime.
    #[default]
    Io,
    /// Runs alone in a child process.
    Cpu,
}

impl Lane {
    /// Every lane, in wire order.
    pub const ALL: [Self; 2] = [Self::Io, Self::Cpu];

    /// Returns the number that stands for the lane on the wire.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Io => 0,
            Self::Cpu => 1,
        }
    }

    /// Returns the lane that a wire number stands for.
    #[must_use]
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::Io),
            1 => Some(Self::Cpu),
            _ => None,
        }
    }
}

impl fmt::Display for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Io => "io",
            Self::Cpu => "cpu",
        })
    }
}
