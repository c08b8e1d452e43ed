//! The decision after an attempt: outcome, policy and counters in, settlement out. Pure.

use std::time::Duration;

use crate::retry::RetryPolicy;
use crate::run::outcome::Outcome;
use crate::run::settlement::Settlement;
use crate::run::tally::Tally;

/// How often a run is parked before it fails for good.
pub const MAX_PARKS: u32 = 200;

/// The wait after the first park; it doubles with each further one.
pub const FIRST_PARK_WAIT: Duration = Duration::from_millis(500);

/// The longest wait between two parks.
pub const MAX_PARK_WAIT: Duration = Duration::from_mins(5);

/// The wait after the first crash; it doubles with each further one.
pub const FIRST_CRASH_WAIT: Duration = Duration::from_millis(250);

/// The longest wait that a settlement asks for: a year.
pub const MAX_WAIT: Duration = Duration::from_hours(365 * 24);

/// Returns what to record about a run whose attempt ended with `outcome`.
///
/// `tally` holds the counters as they were during the attempt; `random` is a number from 0 up to,
/// not including, 1 and spreads the waits.
///
/// ```
/// use aqueduct_core::RetryPolicy;
/// use aqueduct_core::run::{Failure, FailureKind, Outcome, Settlement, Tally, decide};
///
/// let failure = Failure::new(FailureKind::Error, "connection refused");
/// let outcome = Outcome::Failed { failure, retry_after: None, hold_back: None };
/// let settlement = decide(outcome, &RetryPolicy::none(), Tally::default(), 0.5);
/// assert!(matches!(settlement, Settlement::Fail { .. }));
/// ```
#[must_use]
pub fn decide(outcome: Outcome, policy: &RetryPolicy, tally: Tally, random: f64) -> Settlement {
    match outcome {
        Outcome::Succeeded { result } => Settlement::Succeed { result },
        Outcome::Cancelled { reason } => Settlement::Cancel { reason },
        Outcome::Snoozed { wait } => Settlement::Snooze {
            wait: wait.min(MAX_WAIT),
        },
        Outcome::Released => Settlement::Release,
        Outcome::NotRunnable { failure } => match park_wait(tally.parks) {
            Some(wait) => Settlement::Park { wait, failure },
            None => Settlement::Fail { failure },
        },
        Outcome::Crashed { failure, budget } => {
            if tally.crashes.saturating_add(1) >= budget {
                return Settlement::Fail { failure };
            }
            let wait = crash_wait(tally.crashes, random);
            Settlement::Retry { wait, failure }
        }
        Outcome::Failed {
            failure,
            retry_after,
            ..
        } => match policy.wait_after(failure.kind(), tally.failures, random) {
            Some(wait) => {
                let wait = retry_after.unwrap_or(wait).min(MAX_WAIT);
                Settlement::Retry { wait, failure }
            }
            None => Settlement::Fail { failure },
        },
    }
}

/// Returns the wait after a crash that `crashes` others preceded: whatever killed the first worker
/// may not be over.
fn crash_wait(crashes: u32, random: f64) -> Duration {
    let doubled = FIRST_CRASH_WAIT.saturating_mul(2_u32.saturating_pow(crashes.min(16)));
    doubled
        .min(MAX_PARK_WAIT)
        .mul_f64(f64::midpoint(1.0, random))
}

/// Returns the wait before a run that was parked `parks` times is tried again.
fn park_wait(parks: u32) -> Option<Duration> {
    if parks >= MAX_PARKS {
        return None;
    }
    let doubled = FIRST_PARK_WAIT.saturating_mul(2_u32.saturating_pow(parks.min(16)));
    Some(doubled.min(MAX_PARK_WAIT))
}
