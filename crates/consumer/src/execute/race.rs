//! The race of a task against its time limit, its cancellation and the loss of its lease.

use std::time::Duration;

use aqueduct_core::cancel::CancelReason;
use aqueduct_core::run::Outcome;
use aqueduct_core::task::TaskResult;

use super::unwind::{Caught, Panic, caught, discard};
use crate::classify;
use crate::in_flight::Owed;
use crate::shared::Shared;

/// How a race ended.
pub(crate) enum Finish {
    /// The attempt has an outcome to record.
    Outcome(Outcome),
    /// The lease is lost: there is nothing to record.
    LeaseLost,
}

/// Runs the task to its end, to the end of its time, or to the loss of its lease.
pub(super) async fn race(shared: &Shared, owed: &Owed, mut task: Caught) -> Finish {
    tokio::select! {
        biased;
        finish = until_told(shared, owed, &mut task) => finish,
        // Whatever it was told before: another consumer may start the run at any moment.
        () = owed.lost() => lose(&mut task),
    }
}

/// Runs the task to its end, or to the end of its time, which may come early.
async fn until_told(shared: &Shared, owed: &Owed, task: &mut Caught) -> Finish {
    let cancellation = owed.context.cancellation();
    let reason = tokio::select! {
        biased;
        result = &mut *task => return Finish::Outcome(returned(owed, result)),
        reason = cancellation.cancelled() => reason,
        () = tokio::time::sleep(owed.context.remaining()) => {
            cancellation.cancel(CancelReason::TimedOut);
            return Finish::Outcome(stop(task, owed.timed_out()));
        }
    };
    let outcome = match reason {
        CancelReason::LeaseLost => return lose(task),
        CancelReason::Requested(reason) => {
            let cancelled = Outcome::Cancelled {
                reason: reason.clone(),
            };
            let grace = shared.limits.cancel_grace.min(owed.context.remaining());
            wind_down(shared, owed, task, grace, cancelled).await
        }
        CancelReason::ShuttingDown => {
            let grace = owed.context.remaining();
            wind_down(shared, owed, task, grace, Outcome::Released).await
        }
        _ => stop(task, owed.timed_out()),
    };
    Finish::Outcome(outcome)
}

/// Drops a task whose lease is lost; what the drop panics with is of no use to its successor.
fn lose(task: &mut Caught) -> Finish {
    discard(task.dispose());
    Finish::LeaseLost
}

/// Lets a task that was told to end go on for its grace time, or until everything is abandoned.
async fn wind_down(
    shared: &Shared,
    owed: &Owed,
    task: &mut Caught,
    grace: Duration,
    otherwise: Outcome,
) -> Outcome {
    tokio::select! {
        biased;
        result = &mut *task => returned(owed, result),
        _ = shared.abandon.cancelled() => stop(task, otherwise),
        () = tokio::time::sleep(grace) => stop(task, otherwise),
    }
}

/// Drops the task; a panic of its drop is the outcome that counts.
fn stop(task: &mut Caught, outcome: Outcome) -> Outcome {
    match task.dispose() {
        Ok(()) => outcome,
        Err(panic) => panicked(panic),
    }
}

/// Classifies what a task returned, or panicked with.
pub(super) fn returned(owed: &Owed, result: Result<TaskResult, Panic>) -> Outcome {
    let reason = owed.context.cancellation().reason();
    // Showing and dropping an error of the user is code of the user, too.
    let classified = result.and_then(|it| caught(|| classify::returned(it, reason)));
    classified.unwrap_or_else(panicked)
}

/// Classifies what code of the user panicked with, and gets rid of it.
pub(super) fn panicked(panic: Panic) -> Outcome {
    let outcome = classify::panicked(&*panic);
    discard(panic);
    outcome
}
