//! One attempt: an owed run in, an outcome out.

mod race;
mod unwind;

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;

use aqueduct_core::event::{RunEvent, RunEventKind};
use aqueduct_core::run::{FailureKind, Outcome, TaskRun};
use aqueduct_core::task::Task;
use tracing::{Instrument, info_span, warn};

use crate::classify;
use crate::cpu::cpu_attempt;
use crate::in_flight::Owed;
use crate::metrics::add;
use crate::shared::{Place, Shared};
pub(crate) use race::Finish;
use race::{panicked, race, returned};
use unwind::{Caught, caught};

/// Executes one attempt in its place, and ends the run with its outcome.
pub(crate) async fn execute(place: Place, owed: Arc<Owed>) {
    let shared = place.shared();
    let _unfinished = Unfinished {
        shared,
        owed: &owed,
    };
    if owed.begin(shared.clock.monotonic()) {
        match attempt(shared, &owed).await {
            Finish::Outcome(outcome) => {
                note(shared, &outcome);
                shared.end(&owed, outcome);
            }
            Finish::LeaseLost => lose(shared, &owed),
        }
    }
    if owed.is_stuck() {
        // The thread came back after all.
        shared.counters.stuck.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Gives the run back if the runtime drops the attempt, which it does when it is shut down.
struct Unfinished<'a> {
    shared: &'a Shared,
    owed: &'a Arc<Owed>,
}

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        self.shared.end(self.owed, Outcome::Released);
    }
}

async fn attempt(shared: &Arc<Shared>, owed: &Arc<Owed>) -> Finish {
    let run = owed.context.run();
    let Some(task) = shared.registry.get(run.task.as_str()) else {
        return Finish::Outcome(classify::unknown_task(&run.task));
    };
    emit(shared, run, RunEventKind::Started);
    let span = info_span!(
        "run",
        task = run.task.as_str(),
        run = %run.id,
        attempt = run.tally.attempt,
        queue = run.queue.as_str(),
    );
    if let Some(lane) = shared.cpu_lane_of(task.definition()) {
        return Box::pin(cpu_attempt(shared, lane, owed, task.definition()).instrument(span)).await;
    }
    let mut future = match span.in_scope(|| start(task, owed)) {
        Ok(future) => future,
        Err(outcome) => return Finish::Outcome(outcome),
    };
    // Most tasks of a fast queue end within one poll: they pay for no timer and no large future.
    match poll_fn(|context| Poll::Ready(span.in_scope(|| future.poll_once(context)))).await {
        Poll::Ready(result) => Finish::Outcome(returned(owed, result)),
        Poll::Pending => Box::pin(race(shared, owed, future).instrument(span)).await,
    }
}

/// Makes the future of the task; making it runs code of the user, which may panic.
fn start(task: &Arc<dyn Task>, owed: &Owed) -> Result<Caught, Outcome> {
    match caught(|| task.start(owed.context.clone())) {
        Ok(Ok(future)) => Ok(Caught::new(future)),
        Ok(Err(error)) => Err(classify::invalid_params(&error)),
        Err(panic) => Err(panicked(panic)),
    }
}

fn note(shared: &Shared, outcome: &Outcome) {
    if let Outcome::Failed { failure, .. } = outcome
        && failure.kind() == FailureKind::Panic
    {
        add(&shared.counters.panicked, 1);
    }
}

/// Drops a run whose lease is lost: its successor settles it.
fn lose(shared: &Shared, owed: &Arc<Owed>) {
    if !owed.end() {
        return;
    }
    let run = owed.context.run();
    warn!(task = %run.task, run = %run.id, "the lease is lost; the run starts again elsewhere");
    add(&shared.counters.lost, 1);
    emit(shared, run, RunEventKind::LeaseLost);
    shared.in_flight.remove(std::iter::once(owed));
    shared.outbox.wake();
}

fn emit(shared: &Shared, run: &TaskRun, kind: RunEventKind) {
    shared.events.emit(|| {
        RunEvent::new(run.id, run.task.clone(), run.queue.clone(), kind)
            .with_attempt(run.tally.attempt)
            .at(shared.clock.now())
    });
}
