//! Taking back the runs of dead consumers.

use std::time::Duration;

use aqueduct_broker_api::{Broker, DEFAULT_CRASH_BUDGET, ReclaimRequest, Settled};
use aqueduct_core::RunState;
use aqueduct_core::run::FailureKind;

use crate::fixture::{Bench, HALF_LEASE, PAST_LEASE, named, succeed};

/// The runs of a consumer whose lease has run out start elsewhere.
pub async fn takes_back_from_the_dead(bench: Bench) {
    let id = bench.queue_one("a").await;
    let first = bench.consumer().claim_one().await;
    bench.beat().await;
    assert_eq!(bench.advance_in_beats(PAST_LEASE).await.requeued, 1);
    let second = bench.consumer().claim_one().await;
    assert_eq!(second.run().id, id);
    assert!(second.token().attempt > first.token().attempt);
}

/// Nothing is taken before the lease has run out.
pub async fn leaves_the_living_alone(bench: Bench) {
    bench.queue_one("a").await;
    let mut consumer = bench.consumer();
    let lease = consumer.claim_one().await;
    bench.beat().await;
    assert_eq!(bench.advance_in_beats(HALF_LEASE).await.requeued, 0);
    assert_eq!(
        consumer.settle(lease, succeed()).await,
        Settled::Applied(RunState::Succeeded)
    );
}

/// Losing a lease is a crash, not a failure of the task.
pub async fn counts_a_crash_and_no_failure(bench: Bench) {
    bench.queue_one("a").await;
    let _lost = bench.consumer().claim_one().await;
    bench.beat().await;
    bench.advance_in_beats(PAST_LEASE).await;
    let lease = bench.consumer().claim_one().await;
    let tally = lease.run().tally;
    assert_eq!((tally.crashes, tally.failures, tally.attempt), (1, 0, 2));
}

/// A run that keeps killing its consumers is stopped, and its evidence kept.
pub async fn fails_when_the_budget_is_used_up(bench: Bench) {
    let id = bench.queue_one("a").await;
    bench.beat().await;
    for _ in 0..DEFAULT_CRASH_BUDGET {
        let _lost = bench.consumer().claim_one().await;
        bench.advance_in_beats(PAST_LEASE).await;
    }
    let run = bench.find(id).await.expect("the failed run is kept");
    assert_eq!(
        (run.state, run.tally.crashes),
        (RunState::Failed, DEFAULT_CRASH_BUDGET)
    );
    let failure = run
        .record
        .and_then(|record| record.failure)
        .expect("the evidence is kept");
    assert_eq!(failure.kind(), FailureKind::Crash);
    assert!(bench.consumer().claim(1).await.is_empty());
}

/// One beat moves a bounded number of runs, and says that there are more.
pub async fn respects_the_limit(bench: Bench) {
    bench.queue((0..5).map(|_| named("a"))).await;
    let _lost = bench.consumer().claim(5).await;
    let (beat, lease) = (Duration::from_mins(1), Duration::from_secs(5));
    bench.advance(PAST_LEASE).await;
    let request = ReclaimRequest::new(beat, lease).with_limit(3);
    let first = bench.broker.reclaim(&request).await.unwrap();
    assert_eq!((first.requeued, first.more), (3, true));
    let second = bench.broker.reclaim(&request).await.unwrap();
    assert_eq!((second.requeued, second.more), (2, false));
    assert_eq!(bench.lengths().await.queued, 5);
}

/// After a gap in the beats the living get one lease to renew, before anything is taken.
pub async fn pauses_after_a_standstill(bench: Bench) {
    bench.queue_one("a").await;
    let mut consumer = bench.consumer();
    let lease = consumer.claim_one().await;
    bench.beat().await;
    bench.advance(Duration::from_mins(1)).await;
    let reclaimed = bench.beat().await;
    assert_eq!(reclaimed.requeued, 0);
    assert!(reclaimed.paused_for.is_some());
    assert!(consumer.extend(vec![lease.token()]).await.lost.is_empty());
    assert_eq!(bench.advance_in_beats(HALF_LEASE).await.requeued, 0);
    assert_eq!(
        bench.advance_in_beats(PAST_LEASE).await.requeued,
        1,
        "the pause never ends"
    );
}

/// A consumer that comes back after its runs were taken cannot record anything.
pub async fn a_dead_consumer_cannot_settle(bench: Bench) {
    let id = bench.queue_one("a").await;
    let mut dead = bench.consumer();
    let lost = dead.claim_one().await;
    bench.beat().await;
    bench.advance_in_beats(PAST_LEASE).await;
    let mut heir = bench.consumer();
    let lease = heir.claim_one().await;
    assert_eq!(dead.settle(lost, succeed()).await, Settled::LeaseLost);
    assert_eq!(bench.state(id).await, Some(RunState::Running));
    assert_eq!(
        heir.settle(lease, succeed()).await,
        Settled::Applied(RunState::Succeeded)
    );
}
