//! What the log says of an attempt that was settled.

use std::time::Duration;

use aqueduct_broker_api::Settled;
use aqueduct_core::run::Settlement;
use tracing::{debug, error, info, warn};

use crate::in_flight::Owed;

/// Writes one line on a settled attempt: louder, the more somebody should look.
pub(crate) fn settled(owed: &Owed, took: Duration, settlement: &Settlement, settled: Settled) {
    let run = owed.context.run();
    let (id, task, attempt) = (run.id, run.task.as_str(), run.tally.attempt);
    if settled == Settled::LeaseLost {
        warn!(task, run = %id, attempt, "the lease was lost: what the attempt did is not recorded");
        return;
    }
    match settlement {
        Settlement::Succeed { .. } if took > owed.limit() => {
            let limit = owed.limit();
            warn!(task, run = %id, attempt, ?took, ?limit, "succeeded, but later than its time limit");
        }
        Settlement::Succeed { .. } => debug!(task, run = %id, attempt, ?took, "succeeded"),
        Settlement::Retry { wait, failure } => {
            warn!(task, run = %id, attempt, ?took, %failure, retry_in = ?wait, "the attempt failed");
        }
        Settlement::Fail { failure } => {
            error!(task, run = %id, attempt, ?took, %failure, "the run failed for good");
        }
        Settlement::Park { wait, failure } => {
            warn!(task, run = %id, %failure, retry_in = ?wait, "the run cannot start here");
        }
        Settlement::Cancel { reason } => info!(task, run = %id, attempt, %reason, "cancelled"),
        Settlement::Snooze { wait } => debug!(task, run = %id, attempt, ?wait, "snoozed"),
        _ => debug!(task, run = %id, attempt, "given back"),
    }
}
