//! Retry policies: which failures are repeated, how often, and after what waits.

mod backoff;

pub use backoff::{Backoff, Jitter};

use std::time::Duration;

use crate::run::{FailureKind, MAX_WAIT};

/// Which failures of a task are repeated, how often, and after what waits.
///
/// ```
/// use std::time::Duration;
/// use aqueduct_core::RetryPolicy;
/// use aqueduct_core::retry::Jitter;
///
/// let policy = RetryPolicy::exponential(Duration::from_secs(2))?.max_retries(5).jitter(Jitter::None);
/// assert_eq!(policy.wait(2, 0.0), Some(Duration::from_secs(8)));
/// # Ok::<(), aqueduct_core::retry::InvalidRetryPolicy>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct RetryPolicy {
    max_retries: u32,
    backoff: Backoff,
    max_wait: Duration,
    jitter: Jitter,
    retry_on: RetryOn,
}

/// The kinds of failure that are repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryOn(u16);

/// The error of a policy with a wait out of bounds.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field} of a retry policy must be from 1 ms to 365 days, this one is {wait:?}")]
pub struct InvalidRetryPolicy {
    field: &'static str,
    wait: Duration,
}

impl RetryPolicy {
    /// Creates a policy that repeats nothing.
    #[must_use]
    pub fn none() -> Self {
        Self {
            max_retries: 0,
            ..Self::default()
        }
    }

    /// Creates a policy with the same wait before each retry.
    ///
    /// # Errors
    ///
    /// Returns an error unless the wait is from 1 ms to 365 days.
    pub fn fixed(wait: Duration) -> Result<Self, InvalidRetryPolicy> {
        Ok(Self {
            jitter: Jitter::None,
            ..Self::beginning(Backoff::Fixed(checked("the wait", wait)?), wait)
        })
    }

    /// Creates a policy whose waits grow by `step`.
    ///
    /// # Errors
    ///
    /// Returns an error unless the step is from 1 ms to 365 days.
    pub fn linear(step: Duration) -> Result<Self, InvalidRetryPolicy> {
        Ok(Self {
            jitter: Jitter::None,
            ..Self::beginning(Backoff::Linear(checked("the step", step)?), step)
        })
    }

    /// Creates a policy whose waits double, with full jitter.
    ///
    /// # Errors
    ///
    /// Returns an error unless the first wait is from 1 ms to 365 days.
    pub fn exponential(first: Duration) -> Result<Self, InvalidRetryPolicy> {
        let backoff = Backoff::Exponential(checked("the first wait", first)?);
        Ok(Self::beginning(backoff, first))
    }

    /// A first wait over the default of the longest one is meant as it stands.
    fn beginning(backoff: Backoff, first: Duration) -> Self {
        Self {
            backoff,
            max_wait: DEFAULT_MAX_WAIT.max(first),
            ..Self::default()
        }
    }

    /// Sets how often a run is repeated after its first failure.
    #[must_use]
    pub fn max_retries(mut self, max_retries: u32) -> Self {
        self.max_retries = max_retries;
        self
    }

    /// Sets the longest wait, the first one included.
    ///
    /// Without it no wait is over ten minutes, or over the first one if that is longer.
    ///
    /// # Errors
    ///
    /// Returns an error unless it is from 1 ms to 365 days.
    pub fn max_wait(mut self, max_wait: Duration) -> Result<Self, InvalidRetryPolicy> {
        self.max_wait = checked("the longest wait", max_wait)?;
        Ok(self)
    }

    /// Sets how the waits are spread.
    #[must_use]
    pub fn jitter(mut self, jitter: Jitter) -> Self {
        self.jitter = jitter;
        self
    }

    /// Sets which kinds of failure are repeated.
    #[must_use]
    pub fn retry_on(mut self, retry_on: RetryOn) -> Self {
        self.retry_on = retry_on;
        self
    }

    /// Returns the wait before the next attempt of a run that failed `failures` times before and now
    /// with a failure of `kind`; `None` if it is not to be repeated.
    #[must_use]
    pub fn wait_after(&self, kind: FailureKind, failures: u32, random: f64) -> Option<Duration> {
        if self.retry_on.contains(kind) {
            self.wait(failures, random)
        } else {
            None
        }
    }

    /// Returns the wait after a failure that `failures` others preceded; `None` if the budget is used
    /// up. `random` is from 0 up to, not including, 1.
    #[must_use]
    pub fn wait(&self, failures: u32, random: f64) -> Option<Duration> {
        if failures >= self.max_retries {
            return None;
        }
        let wait = self.backoff.wait(failures).min(self.max_wait);
        Some(self.jitter.spread(wait, random))
    }
}

impl Default for RetryPolicy {
    /// Returns three retries after 1, 2 and 4 seconds at most, with full jitter.
    fn default() -> Self {
        Self {
            max_retries: DEFAULT_MAX_RETRIES,
            backoff: Backoff::Exponential(DEFAULT_FIRST_WAIT),
            max_wait: DEFAULT_MAX_WAIT,
            jitter: Jitter::Full,
            retry_on: RetryOn::all(),
        }
    }
}

impl RetryOn {
    /// Every kind but those that no repetition can help.
    #[must_use]
    pub const fn all() -> Self {
        Self(u16::MAX)
            .except(FailureKind::Fatal)
            .except(FailureKind::InvalidResult)
    }

    /// Only these kinds.
    #[must_use]
    pub fn only(kinds: &[FailureKind]) -> Self {
        Self(kinds.iter().fold(0, |set, kind| set | bit(*kind)))
    }

    /// All of these but one kind.
    #[must_use]
    pub const fn except(self, kind: FailureKind) -> Self {
        Self(self.0 & !bit(kind))
    }

    /// Returns whether failures of that kind are repeated.
    #[must_use]
    pub const fn contains(self, kind: FailureKind) -> bool {
        self.0 & bit(kind) != 0
    }
}

const fn bit(kind: FailureKind) -> u16 {
    match kind {
        FailureKind::Error => 1,
        FailureKind::Fatal => 1 << 1,
        FailureKind::Panic => 1 << 2,
        FailureKind::Timeout => 1 << 3,
        FailureKind::Crash => 1 << 4,
        FailureKind::InvalidParams => 1 << 5,
        FailureKind::UnknownTask => 1 << 6,
        FailureKind::InvalidResult => 1 << 7,
    }
}

fn checked(field: &'static str, wait: Duration) -> Result<Duration, InvalidRetryPolicy> {
    if wait < MIN_WAIT || wait > MAX_WAIT {
        return Err(InvalidRetryPolicy { field, wait });
    }
    Ok(wait)
}

const DEFAULT_MAX_RETRIES: u32 = 3;
const DEFAULT_FIRST_WAIT: Duration = Duration::from_secs(1);
const DEFAULT_MAX_WAIT: Duration = Duration::from_mins(10);
const MIN_WAIT: Duration = Duration::from_millis(1);
