//! Runs that are kept after their end.

use std::time::Duration;

use aqueduct_broker_api::{BrokerAdmin, Settlement};
use aqueduct_core::{Payload, RunState};

use crate::fixture::{Bench, fail, named};

/// A result is kept as long as the run asks for, and not longer.
pub async fn are_kept_as_long_as_asked(bench: Bench) {
    let mut task = named("a");
    let keep = Duration::from_mins(1);
    task.options_mut().keep_result = Some(keep);
    let id = task.id;
    bench.queue([task]).await;
    let mut consumer = bench.consumer();
    let lease = consumer.claim_one().await;
    let result = Payload::encode("the answer").unwrap();
    consumer
        .settle(
            lease,
            Settlement::Succeed {
                result: Some(result.clone()),
            },
        )
        .await;
    bench
        .advance_in_beats(keep.saturating_sub(Duration::from_secs(1)))
        .await;
    let run = bench.find(id).await.expect("the result is still kept");
    assert_eq!(
        (run.state, run.record.unwrap().result),
        (RunState::Succeeded, Some(result))
    );
    bench.advance_in_beats(Duration::from_secs(2)).await;
    assert_eq!(bench.find(id).await, None);
}

/// A failed run is kept for a day at least, with its failure and its end.
pub async fn failed_runs_are_kept(bench: Bench) {
    let id = bench.queue_one("a").await;
    let mut consumer = bench.consumer();
    let lease = consumer.claim_one().await;
    let ended_at = bench.now();
    consumer.settle(lease, fail()).await;
    bench.advance(Duration::from_hours(23)).await;
    bench.beat().await;
    let record = bench
        .find(id)
        .await
        .expect("the failed run is kept")
        .record
        .unwrap();
    assert_eq!(record.ended_at, Some(ended_at));
    assert!(record.failure.is_some());
}

/// A requeued run begins with fresh budgets; its attempts keep counting.
pub async fn a_failed_run_can_be_requeued(bench: Bench) {
    let mut task = named("a");
    task.options_mut().total_timeout = Some(Duration::from_secs(90));
    let id = task.id;
    bench.queue([task]).await;
    let mut consumer = bench.consumer();
    let lease = consumer.claim_one().await;
    consumer.settle(lease, fail()).await;
    assert_eq!(bench.admin().requeue(&[id]).await.unwrap(), [true]);
    assert_eq!(
        bench.admin().requeue(&[id]).await.unwrap(),
        [false],
        "requeued twice"
    );
    let lease = consumer.claim_one().await;
    let tally = lease.run().tally;
    assert_eq!((lease.run().id, tally.attempt, tally.failures), (id, 2, 0));
    assert_eq!(lease.run().ends_by(), None, "its total time would be over");
}
