//! Runs that must have started by a deadline.

use std::time::Duration;

use aqueduct_core::{QueuedTask, RunState};

use crate::fixture::{Bench, HALF_LEASE, named, retry};

const DEADLINE: Duration = Duration::from_secs(3);

fn expiring() -> QueuedTask {
    let mut task = named("a");
    task.expires_in = Some(DEADLINE);
    task
}

/// A run that has not started by its deadline is not started any more.
pub async fn an_unstarted_run_expires(bench: Bench) {
    let task = expiring();
    let id = task.id;
    bench.queue([task, named("b")]).await;
    bench.advance(DEADLINE).await;
    assert_eq!(bench.consumer().claim_names(9).await, ["b"]);
    assert_eq!(bench.state(id).await, Some(RunState::Expired));
}

/// A run that was started in time is not stopped by the deadline, nor are its retries.
pub async fn a_started_run_does_not(bench: Bench) {
    bench.queue([expiring()]).await;
    let mut consumer = bench.consumer();
    let lease = consumer.claim_one().await;
    bench.advance(HALF_LEASE).await;
    consumer.settle(lease, retry(DEADLINE)).await;
    bench.advance(DEADLINE).await;
    assert_eq!(consumer.claim(1).await.len(), 1);
}

/// A beat expires runs that nobody claims.
pub async fn a_beat_expires_too(bench: Bench) {
    let task = expiring();
    let id = task.id;
    bench.queue([task]).await;
    bench.beat().await;
    let done = bench.advance_in_beats(DEADLINE).await;
    assert_eq!(done.expired, 1);
    assert_eq!(bench.state(id).await, Some(RunState::Expired));
    assert_eq!(bench.lengths().await.unfinished(), 0);
}
