//! What is compared of a broker's state, as text.

use std::time::Duration;

use aqueduct_broker_api::{Broker, BrokerAdmin, BrokerHandle};
use aqueduct_core::run::{FailureKind, Limit, TaskRun, Unsuccessful};
use aqueduct_core::{ConsumerId, RunId, Timestamp};

use crate::fixture::queue_name;

/// Returns the state of these runs, the lengths of the queue, and the limits.
pub(super) async fn state_of(broker: &BrokerHandle, runs: &[RunId]) -> String {
    let found = broker.admin().unwrap().find(runs).await.unwrap();
    let states = found.iter().flatten().map(|run| {
        (
            run.id,
            run.state,
            run.tally,
            run.due_at,
            failed_attempts(run),
            run.progress.clone(),
            run.checkpoint.clone(),
            run.payload.as_bytes(),
            (run.queued_at, input(run), reason(run)),
        )
    });
    let states: Vec<_> = states.collect();
    let queue = [queue_name("default")];
    let lengths = broker.queue_lengths(&queue).await.unwrap();
    let limits = limits_of(broker).await;
    format!("{lengths:?} {limits} {states:?}")
}

/// Returns what a broker says of its limits, but how many wait: it may count some that have ended.
async fn limits_of(broker: &BrokerHandle) -> String {
    let asked = ["a", "b", "c"].map(|key| {
        let per = Duration::from_millis(700);
        [
            Limit::concurrency(key, 1).unwrap(),
            Limit::rate(key, 1, per).unwrap(),
        ]
    });
    let infos = broker.admin().unwrap().limits(&asked.concat()).await;
    let shown = infos.unwrap().into_iter().map(|it| {
        let max = (it.running > 0 || it.opens_at.is_some()).then(|| it.limit.max());
        format!("{max:?} {} {:?} {:?}", it.running, it.opens_at, it.held_by)
    });
    shown.collect::<Vec<_>>().join(", ")
}

/// Returns what a run was given: of what runs anyway the ends of those before.
fn input(run: &TaskRun) -> Option<String> {
    let input = run.input.as_ref()?;
    let Ok(ends) = input.decode::<Vec<Result<(), Unsuccessful>>>() else {
        return Some(format!("{input:?}"));
    };
    let state = |end: Result<(), Unsuccessful>| end.map_err(|end| (end.task, end.state));
    let states: Vec<_> = ends.into_iter().map(state).collect();
    Some(format!("{states:?}"))
}

/// Returns why a run was cancelled; of runs that end in one step, which one it was is open.
fn reason(run: &TaskRun) -> Option<String> {
    let reason = run.record.as_ref()?.reason.as_ref()?;
    reason.as_str().rsplit(", ").next().map(str::to_owned)
}

/// Returns the failed attempts of a run; the words of a failure are each broker's own.
fn failed_attempts(run: &TaskRun) -> Vec<(u32, Timestamp, ConsumerId, FailureKind)> {
    let history = run.record.iter().flat_map(|record| &record.history);
    history
        .map(|it| (it.attempt, it.ended_at, it.consumer, it.failure.kind()))
        .collect()
}
