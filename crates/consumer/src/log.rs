//! What the log says of an attempt that was settled.

use std::time::Duration;

use aqueduct_broker_api::Settled;
use aqueduct_core::run::{Settlement, TaskRun};
use tracing::{debug, error, info, warn};

/// Writes one line on a settled attempt: louder, the more somebody should look.
pub(crate) fn settled(run: &TaskRun, settlement: &Settlement, settled: Settled, took: Duration) {
    let (id, task, attempt) = (run.id, run.task.as_str(), run.tally.attempt);
    if settled == Settled::LeaseLost {
        warn!(task, run = %id, attempt, "the lease was lost: what the attempt did is not recorded");
        return;
    }
    match settlement {
        Settlement::Succeed { .. } => debug!(task, run = %id, attempt, ?took, "succeeded"),
        Settlement::Retry { wait, failure } => {
            warn!(task, run = %id, attempt, ?took, error = %failure, retry_in = ?wait, "the attempt failed");
        }
        Settlement::Fail { failure } => {
            error!(task, run = %id, attempt, ?took, error = %failure, "the run failed for good");
        }
        Settlement::Park { wait, failure } => {
            warn!(task, run = %id, reason = %failure, retry_in = ?wait, "the run cannot start here");
        }
        Settlement::Cancel { reason } => info!(task, run = %id, attempt, %reason, "cancelled"),
        Settlement::Snooze { wait } => debug!(task, run = %id, attempt, ?wait, "snoozed"),
        _ => debug!(task, run = %id, attempt, "given back"),
    }
}
