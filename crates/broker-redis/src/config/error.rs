//! The error of a configuration.

use std::fmt;

/// What is wrong with the configuration of a Redis broker; it never shows a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    part: &'static str,
    problem: String,
}

impl ConfigError {
    pub(crate) fn new(part: &'static str, problem: impl Into<String>) -> Self {
        Self {
            part,
            problem: problem.into(),
        }
    }

    /// Returns the name of the part that is wrong.
    #[must_use]
    pub fn part(&self) -> &'static str {
        self.part
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the Redis URL is wrong in its {}: {}",
            self.part, self.problem
        )
    }
}

impl std::error::Error for ConfigError {}
