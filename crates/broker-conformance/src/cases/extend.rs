//! The heartbeat.

use std::time::Duration;

use aqueduct_broker_api::{BrokerAdmin, Sequence};
use aqueduct_core::RunState;

use crate::fixture::{Bench, HALF_LEASE, PAST_LEASE, named, succeed};

/// A consumer that beats keeps its runs.
pub async fn keeps_the_lease(bench: Bench) {
    let id = bench.queue_one("a").await;
    let mut consumer = bench.consumer();
    let lease = consumer.claim_one().await;
    for _ in 0..6 {
        assert!(consumer.extend(vec![lease.token()]).await.lost.is_empty());
        assert_eq!(bench.advance_in_beats(HALF_LEASE).await.requeued, 0);
    }
    assert_eq!(bench.state(id).await, Some(RunState::Running));
}

/// A beat says which runs are no longer the caller's.
pub async fn lists_what_is_lost(bench: Bench) {
    let id = bench.queue_one("a").await;
    let mut consumer = bench.consumer();
    let lease = consumer.claim_one().await;
    bench.beat().await;
    bench.advance_in_beats(PAST_LEASE).await;
    assert_eq!(consumer.extend(vec![lease.token()]).await.lost, [id]);
}

/// A late beat for a run that was settled revives nothing.
pub async fn does_not_revive_a_settled_run(bench: Bench) {
    let id = bench.queue_one("a").await;
    let mut consumer = bench.consumer();
    let lease = consumer.claim_one().await;
    let token = lease.token();
    consumer.settle(lease, succeed()).await;
    assert_eq!(consumer.extend(vec![token]).await.lost, [id]);
    assert_eq!(bench.lengths().await.unfinished(), 0);
}

/// Runs whose claim was answered, and which the consumer does not list, go back at once.
pub async fn gives_back_what_the_consumer_lacks(bench: Bench) {
    bench.queue([named("a"), named("b")]).await;
    let mut consumer = bench.consumer();
    let leases = consumer.claim(2).await;
    assert_eq!(consumer.extend(vec![leases[1].token()]).await.released, 1);
    let lease = bench.consumer().claim_one().await;
    assert_eq!(
        (lease.run().task.as_str(), lease.run().tally.crashes),
        ("a", 0)
    );
}

/// Runs of a claim whose answer may still be under way are left alone.
pub async fn leaves_unanswered_claims_alone(bench: Bench) {
    bench.queue_one("a").await;
    let mut consumer = bench.consumer();
    let before = consumer.last();
    let lease = consumer.claim_one().await;
    assert_eq!(before, Sequence::default());
    let extended = consumer.extend_answered(before, Vec::new()).await;
    assert_eq!(extended.released, 0);
    assert!(consumer.extend(vec![lease.token()]).await.lost.is_empty());
}

/// The last beat of a consumer that has stopped ends its lease; one that holds something keeps that.
pub async fn of_no_time_ends_the_lease(bench: Bench) {
    let id = bench.queue_one("a").await;
    let (mut holds, mut idle) = (bench.consumer(), bench.consumer());
    let lease = holds.claim_one().await;
    assert!(idle.claim(1).await.is_empty());
    let living = async || {
        let consumers = bench.admin().consumers().await.unwrap();
        consumers
            .iter()
            .map(|info| info.consumer)
            .collect::<Vec<_>>()
    };
    assert_eq!(living().await.len(), 2);
    holds.leave(vec![lease.token()]).await;
    idle.leave(Vec::new()).await;
    assert_eq!(living().await, [holds.id]);
    bench.beat().await;
    assert_eq!(bench.state(id).await, Some(RunState::Running));
    assert!(idle.claim(1).await.is_empty(), "it may come back");
    assert_eq!(living().await.len(), 2);
    holds.settle(lease, succeed()).await;
    holds.leave(Vec::new()).await;
    bench.advance(Duration::from_millis(1)).await;
    assert_eq!(living().await, [idle.id]);
}
