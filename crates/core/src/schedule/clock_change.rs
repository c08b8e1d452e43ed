//! What becomes of a fixed time of day where the clocks are changed.

use std::fmt;
use std::str::FromStr;

use super::error::InvalidSchedule;

/// What becomes of a fixed time of day that does not exist, because the clocks go forward over it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "there is nothing else to do")]
pub enum SkippedTime {
    /// It fires at the first moment after.
    #[default]
    RunAfter,
    /// It fires no tick.
    Skip,
}

/// What becomes of a fixed time of day that comes twice, because the clocks go back over it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "there is nothing else to do")]
pub enum RepeatedTime {
    /// It fires the first time.
    #[default]
    First,
    /// It fires the second time.
    Second,
    /// It fires both times.
    Both,
}

impl FromStr for SkippedTime {
    type Err = InvalidSchedule;

    fn from_str(word: &str) -> Result<Self, InvalidSchedule> {
        match word {
            "run_after" => Ok(Self::RunAfter),
            "skip" => Ok(Self::Skip),
            _ => Err(unknown("skipped", word, "run_after, skip")),
        }
    }
}

impl FromStr for RepeatedTime {
    type Err = InvalidSchedule;

    fn from_str(word: &str) -> Result<Self, InvalidSchedule> {
        match word {
            "first" => Ok(Self::First),
            "second" => Ok(Self::Second),
            "both" => Ok(Self::Both),
            _ => Err(unknown("repeated", word, "first, second, both")),
        }
    }
}

fn unknown(field: &'static str, word: &str, known: &str) -> InvalidSchedule {
    InvalidSchedule::in_field(field, format!("`{field}={word}` must be one of {known}"))
}

impl fmt::Display for SkippedTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::RunAfter => "run_after",
            Self::Skip => "skip",
        })
    }
}

impl fmt::Display for RepeatedTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::First => "first",
            Self::Second => "second",
            Self::Both => "both",
        })
    }
}
