//! What the log and the observers are told of an attempt that was settled.

use std::time::Duration;

use aqueduct_broker_api::Settled;
use aqueduct_core::event::RunEventKind;
use aqueduct_core::run::Settlement;
use tracing::{debug, error, info, warn};

use crate::in_flight::Owed;

/// Writes one line on a settled attempt: louder, the more somebody should look.
pub(crate) fn log(owed: &Owed, took: Duration, settlement: &Settlement, settled: Settled) {
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

/// Returns the event of a settled attempt.
pub(crate) fn event(settlement: &Settlement, settled: Settled, took: Duration) -> RunEventKind {
    let Settled::Applied(state) = settled else {
        return RunEventKind::LeaseLost;
    };
    let (failure, reason) = match settlement {
        Settlement::Retry { failure, .. }
        | Settlement::Fail { failure }
        | Settlement::Park { failure, .. } => (Some(failure.clone()), None),
        Settlement::Cancel { reason } => (None, Some(reason.clone())),
        _ => (None, None),
    };
    RunEventKind::Ended {
        state,
        took,
        failure,
        reason,
    }
}
