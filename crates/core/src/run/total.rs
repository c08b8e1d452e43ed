//! The total time limit of a run: all its attempts, and the waits between them. Pure.

use std::time::Duration;

use crate::run::failure::{Failure, FailureKind, MAX_FAILURE_MESSAGE_BYTES};
use crate::run::settlement::Settlement;

/// Returns the settlement of a run that has `left` of its total time: what would put it off for so long
/// or longer ends it.
///
/// ```
/// use std::time::Duration;
///
/// use aqueduct_core::run::{Failure, FailureKind, Settlement, within_total};
///
/// let failure = Failure::new(FailureKind::Error, "connection refused");
/// let retry = Settlement::Retry { wait: Duration::from_secs(8), failure };
/// assert_eq!(within_total(retry.clone(), Duration::from_secs(9)), retry);
/// let ended = within_total(retry, Duration::from_secs(5));
/// assert!(matches!(ended, Settlement::Fail { .. }));
/// ```
#[must_use]
pub fn within_total(settlement: Settlement, left: Duration) -> Settlement {
    match settlement {
        Settlement::Retry { wait, failure } | Settlement::Park { wait, failure }
            if wait >= left =>
        {
            let says_why = left.is_zero() && failure.kind() == FailureKind::Timeout;
            let failure = if says_why {
                failure
            } else {
                let room = MAX_FAILURE_MESSAGE_BYTES - NO_TIME_LEFT.len() - "; ".len();
                let message = format!("{}; {NO_TIME_LEFT}", failure.cut(room).message());
                Failure::new(failure.kind(), message)
            };
            Settlement::Fail { failure }
        }
        Settlement::Snooze { wait } if wait >= left => Settlement::Fail {
            failure: Failure::new(
                FailureKind::Timeout,
                format!("the task put itself off for {wait:?}; {NO_TIME_LEFT}"),
            ),
        },
        settlement => settlement,
    }
}

/// Why there is no further attempt.
const NO_TIME_LEFT: &str = "the total time limit leaves no further attempt";
