//! One attempt in a worker: raced like any other, but stopped by a ladder and not by a drop.

use std::sync::Arc;
use std::time::Duration;

use aqueduct_broker_api::wire as envelope;
use aqueduct_core::Payload;
use aqueduct_core::cancel::CancelReason;
use aqueduct_core::run::{Failure, FailureKind, Outcome};
use aqueduct_core::task::TaskDefinition;
use aqueduct_cpu_pool::{
    Death, Ended, Failed, Force, Order, Panicked, Stop, StopReason, Work, unpack,
};
use tokio::sync::watch;
use tracing::{debug, warn};

use super::CpuLane;
use super::progress::ProgressWatch;
use super::relay::RunRelay;
use super::wire::Asked;
use crate::classify;
use crate::execute::Finish;
use crate::in_flight::Owed;
use crate::shared::Shared;

/// Runs an attempt in a worker, to its end or to the end of its process.
pub(crate) async fn cpu_attempt(
    shared: &Arc<Shared>,
    lane: &CpuLane,
    owed: &Arc<Owed>,
    task: &TaskDefinition,
) -> Finish {
    let work = match work(owed, task) {
        Ok(work) => work,
        Err(outcome) => return Finish::Outcome(outcome),
    };
    let (stop, stopped) = watch::channel(None);
    let limit = task.cpu().and_then(|options| options.progress_timeout);
    let progress = Arc::new(ProgressWatch::new(limit));
    let relay = Arc::new(RunRelay {
        shared: Arc::clone(shared),
        owed: Arc::clone(owed),
        progress: Arc::clone(&progress),
    });
    let order = Order::new(work, lane.profile(task), relay, stopped);
    let run = lane.workers().run(order);
    let ended = tokio::select! {
        biased;
        ended = run => ended,
        never = watch_over(shared, owed, &progress, &stop) => match never {},
    };
    conclude(shared, owed, &progress, ended)
}

fn work(owed: &Owed, task: &TaskDefinition) -> Result<Work, Outcome> {
    let run = owed.context.run();
    let unencodable = |error: envelope::WireError| Outcome::NotRunnable {
        failure: Failure::new(FailureKind::InvalidParams, error.to_string()),
    };
    let bytes = envelope::encode(run).map_err(unencodable)?;
    let cpu_time = task.cpu().and_then(|options| options.cpu_timeout);
    Ok(Work::new(run.task.as_str())
        .with_params(bytes)
        .with_remaining(owed.context.remaining())
        .with_cpu_time(cpu_time))
}

/// Passes on to the worker what concerns the run: its time limit, its cancellation, its lease.
async fn watch_over(
    shared: &Shared,
    owed: &Owed,
    progress: &ProgressWatch,
    stop: &watch::Sender<Option<Stop>>,
) -> std::convert::Infallible {
    let cancellation = owed.context.cancellation();
    let told = async {
        let reason = tokio::select! {
            biased;
            reason = cancellation.cancelled() => reason.clone(),
            () = tokio::time::sleep(owed.context.remaining()) => CancelReason::TimedOut,
            () = progress.stalled() => CancelReason::TimedOut,
        };
        cancellation.cancel(reason.clone());
        harder(stop, stop_for(&reason));
        if reason == CancelReason::ShuttingDown {
            // Its time limit holds all the same.
            tokio::time::sleep(owed.context.remaining()).await;
            harder(stop, Stop::new(StopReason::TimedOut, Force::Ladder));
        }
        std::future::pending::<()>().await;
    };
    let killed = async {
        let why = tokio::select! {
            _ = shared.abandon.cancelled() => StopReason::ShuttingDown,
            () = owed.lost() => StopReason::LeaseLost,
            () = end_of_trust(shared) => {
                owed.lose();
                StopReason::LeaseLost
            }
        };
        harder(stop, Stop::new(why, Force::Kill));
        std::future::pending::<()>().await;
    };
    tokio::join!(told, killed);
    std::future::pending().await
}

/// Waits until the lease is no longer trusted: then nothing of the run may go on here.
async fn end_of_trust(shared: &Shared) {
    loop {
        let trusted_for = shared.trusted_for();
        if trusted_for.is_zero() {
            return;
        }
        tokio::time::sleep(trusted_for.max(SHORTEST_LOOK)).await;
    }
}

/// How often the lease is looked at, at most.
const SHORTEST_LOOK: Duration = Duration::from_millis(10);

/// Asks for the end, unless that was asked for harder.
fn harder(stop: &watch::Sender<Option<Stop>>, next: Stop) {
    stop.send_if_modified(|now| {
        let is_harder = now.as_ref().is_none_or(|now| now.force < next.force);
        if is_harder {
            *now = Some(next);
        }
        is_harder
    });
}

fn stop_for(reason: &CancelReason) -> Stop {
    match reason {
        CancelReason::Requested(reason) => {
            let why = StopReason::Requested(reason.as_str().to_owned());
            Stop::new(why, Force::Ladder)
        }
        CancelReason::ShuttingDown => Stop::new(StopReason::ShuttingDown, Force::Ask),
        CancelReason::LeaseLost => Stop::new(StopReason::LeaseLost, Force::Kill),
        _ => Stop::new(StopReason::TimedOut, Force::Ladder),
    }
}

/// Classifies how an attempt in a worker ended.
fn conclude(shared: &Shared, owed: &Owed, progress: &ProgressWatch, ended: Ended) -> Finish {
    let reason = owed.context.cancellation().reason();
    let timed_out = || match progress.stalled_after() {
        Some(limit) => classify::stalled(limit),
        None => owed.timed_out(),
    };
    let outcome = match ended {
        Ended::Done { result, .. } => done(&result),
        Ended::Failed(failed) => failed_outcome(failed, reason, timed_out),
        Ended::Panicked(panic) => panicked(&panic),
        Ended::Died(Death::CpuTime) => {
            classify::failed(FailureKind::Timeout, Death::CpuTime.to_string())
        }
        Ended::Died(death) => Outcome::Crashed {
            failure: Failure::new(FailureKind::Crash, death.to_string()),
            budget: shared.limits.crash_budget,
        },
        Ended::NotStarted(error) => {
            // The pool has said why.
            debug!(error = %error, "the run is given back: there is no worker for it");
            Outcome::Released
        }
        _ if owed.is_lost() => return Finish::LeaseLost,
        _ => match reason {
            Some(CancelReason::Requested(reason)) => Outcome::Cancelled {
                reason: reason.clone(),
            },
            Some(CancelReason::TimedOut) => timed_out(),
            _ if owed.context.remaining().is_zero() => timed_out(),
            _ => Outcome::Released,
        },
    };
    Finish::Outcome(outcome)
}

/// Classifies a panic: what is kept of it is short, the backtrace is for the log.
fn panicked(panic: &Panicked) -> Outcome {
    if !panic.backtrace.is_empty() {
        warn!(
            location = panic.location,
            "a CPU task panicked:\n{}", panic.backtrace
        );
    }
    classify::failed(FailureKind::Panic, panic.to_string())
}

fn done(result: &[u8]) -> Outcome {
    if result.is_empty() {
        return Outcome::Succeeded { result: None };
    }
    match Payload::from_bytes(result) {
        Ok(value) => Outcome::Succeeded {
            result: Some(value),
        },
        Err(error) => classify::failed(FailureKind::InvalidResult, error.to_string()),
    }
}

fn failed_outcome(
    failed: Failed,
    reason: Option<&CancelReason>,
    timed_out: impl FnOnce() -> Outcome,
) -> Outcome {
    let Failed {
        message, detail, ..
    } = failed;
    match unpack(&detail).unwrap_or(Asked::Retry) {
        // Whatever a task returns to end early because its time is over.
        Asked::Retry if reason == Some(&CancelReason::TimedOut) => timed_out(),
        asked => match asked.into_error(message.clone()) {
            Some(error) => classify::returned(Err(error), reason),
            None => Outcome::NotRunnable {
                failure: Failure::new(FailureKind::InvalidParams, message),
            },
        },
    }
}
