//! Claiming under a lease.

use aqueduct_broker_api::{BrokerErrorKind, MAX_CLAIM_BATCH, Settled, Settlement};
use aqueduct_core::RunState;

use crate::fixture::{Bench, HALF_LEASE, named, names, succeed};

/// A claimed run is nobody else's.
pub async fn is_exclusive(bench: Bench) {
    let id = bench.queue_one("a").await;
    let lease = bench.consumer().claim_one().await;
    assert_eq!(lease.run().state, RunState::Running);
    assert!(bench.consumer().claim(9).await.is_empty());
    assert_eq!(bench.state(id).await, Some(RunState::Running));
}

/// A claim returns at most what it asks for.
pub async fn respects_the_maximum(bench: Bench) {
    bench.queue((0..5).map(|_| named("a"))).await;
    let mut consumer = bench.consumer();
    assert_eq!(consumer.claim(0).await.len(), 0);
    assert_eq!(consumer.claim(3).await.len(), 3);
    assert_eq!(consumer.claim(3).await.len(), 2);
}

/// A claim says what time it is, when it is repeated as well.
pub async fn tells_the_time(bench: Bench) {
    let mut consumer = bench.consumer();
    let request = consumer.next_claim(1);
    for _ in 0..2 {
        let claimed = consumer.send(&request).await.unwrap();
        assert_eq!(claimed.now, bench.now());
        bench.advance(HALF_LEASE).await;
    }
}

/// There is nothing wrong with nothing to do.
pub async fn empty_is_no_error(bench: Bench) {
    assert!(bench.consumer().claim(9).await.is_empty());
}

/// Each claim of a run begins an attempt with a greater number, whoever claims.
pub async fn counts_attempts(bench: Bench) {
    bench.queue_one("a").await;
    for attempt in 1..=3 {
        let mut consumer = bench.consumer();
        let lease = consumer.claim_one().await;
        assert_eq!(lease.token().attempt, attempt);
        assert_eq!(
            consumer.settle(lease, Settlement::Release).await,
            Settled::Applied(RunState::Queued)
        );
    }
}

/// A fused claim settles first: a run that it gives back can be claimed by it.
pub async fn settles_before_it_claims(bench: Bench) {
    bench.queue([named("a"), named("b")]).await;
    let mut consumer = bench.consumer();
    let mut leases = consumer.claim(2).await.into_iter();
    let settle = [succeed(), Settlement::Release].into_iter();
    let settle = settle.map(|it| leases.next().unwrap().settle(it)).collect();
    let request = consumer.next_claim(9).settling(settle);
    let claimed = consumer.send(&request).await.unwrap();
    let applied = [RunState::Succeeded, RunState::Queued].map(Settled::Applied);
    assert_eq!(claimed.settled, applied);
    assert_eq!(names(&claimed.leases), ["b"]);
}

/// A claim over the limit is refused, and claims nothing.
pub async fn refuses_a_batch_over_the_limit(bench: Bench) {
    bench.queue_one("a").await;
    let mut consumer = bench.consumer();
    let request = consumer.next_claim(MAX_CLAIM_BATCH + 1);
    let error = consumer.send(&request).await.unwrap_err();
    assert_eq!(error.kind(), BrokerErrorKind::LimitExceeded);
    assert_eq!(consumer.claim(1).await.len(), 1);
}
