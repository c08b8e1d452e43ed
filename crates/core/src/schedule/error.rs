//! The error of a schedule that cannot be.

use std::fmt;

use super::cron_text::CronProblem;

/// Why a text or a value is not a schedule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidSchedule {
    field: Option<&'static str>,
    message: String,
}

impl InvalidSchedule {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self {
            field: None,
            message: message.into(),
        }
    }

    pub(super) fn in_field(field: &'static str, message: impl Into<String>) -> Self {
        Self {
            field: Some(field),
            message: message.into(),
        }
    }

    /// Returns the part that is wrong, in words, if one is to blame: "hour", "period" …
    #[must_use]
    pub fn field(&self) -> Option<&'static str> {
        self.field
    }
}

impl From<CronProblem> for InvalidSchedule {
    fn from(problem: CronProblem) -> Self {
        Self {
            field: problem.field,
            message: problem.message,
        }
    }
}

impl fmt::Display for InvalidSchedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for InvalidSchedule {}
