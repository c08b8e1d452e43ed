//! How waits grow with failures, and how they are spread. Pure.

use std::time::Duration;

/// How the wait grows with the number of failures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Backoff {
    /// Always the same wait.
    Fixed(Duration),
    /// The step, then twice the step, and so on.
    Linear(Duration),
    /// The first wait, then twice that, four times, and so on.
    Exponential(Duration),
}

/// How a wait is spread, so that runs that failed together do not come back together.
///
/// Source: "Exponential Backoff And Jitter", Marc Brooker, 2015.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Jitter {
    /// The wait as it is.
    None,
    /// Anything from nothing to the whole wait.
    Full,
    /// Half the wait, and anything up to the other half.
    Equal,
}

impl Backoff {
    /// Returns the wait after a failure that `failures` others preceded.
    #[must_use]
    pub fn wait(self, failures: u32) -> Duration {
        match self {
            Self::Fixed(wait) => wait,
            Self::Linear(step) => step.saturating_mul(failures.saturating_add(1)),
            Self::Exponential(first) => first.saturating_mul(2_u32.saturating_pow(failures)),
        }
    }
}

impl Jitter {
    /// Returns the spread wait, for a random number from 0 up to, not including, 1.
    #[must_use]
    pub fn spread(self, wait: Duration, random: f64) -> Duration {
        let random = if random.is_finite() {
            random.clamp(0.0, 1.0)
        } else {
            0.0
        };
        match self {
            Self::None => wait,
            Self::Full => part(wait, random),
            Self::Equal => wait / 2 + part(wait / 2, random),
        }
    }
}

/// Returns that part of a wait, which may be the longest there is.
fn part(wait: Duration, random: f64) -> Duration {
    Duration::try_from_secs_f64(wait.as_secs_f64() * random).unwrap_or(wait)
}
