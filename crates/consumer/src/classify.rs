//! Classifies how an attempt ended, once, into an outcome. Pure.

use std::any::Any;
use std::time::Duration;

use aqueduct_core::cancel::CancelReason;
use aqueduct_core::run::{Failure, FailureKind, Outcome};
use aqueduct_core::task::{InvalidParams, TaskErrorKind, TaskResult};
use aqueduct_core::{TaskError, TaskName};

/// Classifies what a task returned; `cancelled` is the signal that it had been given, if any.
pub(crate) fn returned(result: TaskResult, cancelled: Option<&CancelReason>) -> Outcome {
    match result {
        Ok(result) => Outcome::Succeeded { result },
        Err(error) => refused(error, cancelled),
    }
}

fn refused(error: TaskError, cancelled: Option<&CancelReason>) -> Outcome {
    let kind = error.into_kind();
    match (cancelled, &kind) {
        // Whatever a task returns to end early because the consumer stops: it is given back.
        (Some(CancelReason::ShuttingDown), TaskErrorKind::Snooze(Duration::ZERO)) => {
            return Outcome::Released;
        }
        (Some(CancelReason::Requested(reason)), _) => {
            return Outcome::Cancelled {
                reason: reason.clone(),
            };
        }
        _ => {}
    }
    match kind {
        TaskErrorKind::InvalidParams(error) => invalid_params(&error),
        TaskErrorKind::Cancel(reason) => Outcome::Cancelled { reason },
        TaskErrorKind::Snooze(wait) => Outcome::Snoozed { wait },
        TaskErrorKind::Retry(error) => failed(FailureKind::Error, format!("{error:#}")),
        TaskErrorKind::Fatal(error) => failed(FailureKind::Fatal, format!("{error:#}")),
        TaskErrorKind::InvalidResult(error) => {
            failed(FailureKind::InvalidResult, format!("{error:#}"))
        }
        TaskErrorKind::RetryAfter(wait, error) => Outcome::Failed {
            failure: Failure::new(FailureKind::Error, format!("{error:#}")),
            retry_after: Some(wait),
            hold_back: None,
        },
        TaskErrorKind::RetryKeyAfter(wait, error) => Outcome::Failed {
            failure: Failure::new(FailureKind::Error, format!("{error:#}")),
            retry_after: Some(wait),
            hold_back: Some(wait),
        },
        // A kind that a later release of the core adds is an ordinary error.
        other => failed(FailureKind::Error, TaskError::from(other).to_string()),
    }
}

/// Classifies a panic.
pub(crate) fn panicked(payload: &(dyn Any + Send)) -> Outcome {
    let message = payload
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "the task panicked with a value that is not text".to_owned());
    failed(FailureKind::Panic, message)
}

/// Classifies an attempt that was over its time limit.
pub(crate) fn timed_out(limit: Duration) -> Outcome {
    failed(
        FailureKind::Timeout,
        format!("the task took longer than its limit of {limit:?}"),
    )
}

/// Classifies an attempt that did not report progress for too long.
pub(crate) fn stalled(limit: Duration) -> Outcome {
    failed(
        FailureKind::Timeout,
        format!("the task has reported no progress for {limit:?}"),
    )
}

/// Classifies an attempt that was under way when the total time of its run was over.
pub(crate) fn out_of_total_time() -> Outcome {
    let message = "the run has not ended within its total time limit";
    failed(FailureKind::Timeout, message.to_owned())
}

/// Classifies a run whose total time was over before an attempt began; `last` is the failure before.
pub(crate) fn came_too_late(last: Option<&Failure>) -> Outcome {
    let before = last.map_or_else(String::new, |last| format!("; it had failed: {last}"));
    let message = format!("the run waited until its total time limit had passed{before}");
    failed(FailureKind::Timeout, message)
}

/// Classifies an attempt that blocks its thread past its time limit.
pub(crate) fn stuck(limit: Duration) -> Outcome {
    let message = format!(
        "the task blocks its thread past its limit of {limit:?}; use async calls or `spawn_blocking`"
    );
    failed(FailureKind::Timeout, message)
}

/// Classifies a run whose task nobody here knows.
pub(crate) fn unknown_task(task: &TaskName) -> Outcome {
    let message = format!("no task named `{task}` is registered in this consumer");
    Outcome::NotRunnable {
        failure: Failure::new(FailureKind::UnknownTask, message),
    }
}

/// Classifies a run whose parameters do not fit its task.
pub(crate) fn invalid_params(error: &InvalidParams) -> Outcome {
    let failure = Failure::new(FailureKind::InvalidParams, error.to_string());
    Outcome::NotRunnable { failure }
}

/// Classifies a failed attempt.
pub(crate) fn failed(kind: FailureKind, message: String) -> Outcome {
    Outcome::Failed {
        failure: Failure::new(kind, message),
        retry_after: None,
        hold_back: None,
    }
}
