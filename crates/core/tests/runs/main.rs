//! Runs: what is kept of them, what becomes of them, and what they do to each other.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod accepted;
mod checkpoints;
mod decisions;
mod ended_together;
mod failures;
mod fair;
mod follow_ups;
mod histories;
mod inputs;
mod options;
mod running;
mod settlements;
mod shared_limits;
mod tallies;
mod totals;
mod unique;

use std::time::Duration;

use aqueduct_core::run::{Failure, FailureKind, Reason};
use aqueduct_core::{Payload, QueuedTask, RunId, RunState, TaskName, TaskRun, Timestamp};

const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);
const MILLISECOND: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

fn later(wait: Duration) -> Timestamp {
    NOW.saturating_add(wait)
}

fn id(number: u128) -> RunId {
    RunId::from_u128(number)
}

fn task(number: u128) -> QueuedTask {
    QueuedTask::new(id(number), TaskName::from_static("send"), Payload::empty())
}

fn run(number: u128) -> TaskRun {
    TaskRun::accept(task(number), NOW)
}

/// A run that has ended at `NOW` in this state.
fn ended(number: u128, state: RunState) -> TaskRun {
    let mut run = run(number);
    run.state = state;
    run.record_mut().ended_at = Some(NOW);
    run
}

/// A run that has returned this.
fn succeeded(number: u128, value: &Payload) -> TaskRun {
    let mut run = ended(number, RunState::Succeeded);
    run.record_mut().result = Some(value.clone());
    run
}

fn failure(message: &str) -> Failure {
    Failure::new(FailureKind::Error, message)
}

fn crash() -> Failure {
    Failure::new(FailureKind::Crash, "killed")
}

fn reason() -> Reason {
    Reason::new("not needed")
}

fn payload<T: serde::Serialize + ?Sized>(value: &T) -> Payload {
    Payload::encode(value).unwrap()
}

/// A text of so many bytes, with a character of two bytes over the last of them.
fn cut_within_a_character(bytes: usize) -> String {
    format!("{}é", "x".repeat(bytes - 1))
}
