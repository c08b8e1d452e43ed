//! Requests that are repeated because their answer was lost.

use aqueduct_broker_api::{
    Broker, BrokerErrorKind, EnqueueRequest, REPLAY_WINDOW, Sequence, Settled,
};
use aqueduct_core::{ProducerId, RunState};

use crate::fixture::{Bench, named, names, succeed};

/// A repeated enqueue adds nothing and answers the same, even when the run has ended meanwhile.
pub async fn of_an_enqueue_adds_nothing(bench: Bench) {
    let request = EnqueueRequest::new(ProducerId::generate(), Sequence::FIRST, vec![named("a")]);
    let first = bench.broker.enqueue(&request).await.unwrap();
    assert_eq!(bench.broker.enqueue(&request).await.unwrap(), first);
    let mut consumer = bench.consumer();
    let lease = consumer.claim_one().await;
    consumer.settle(lease, succeed()).await;
    assert_eq!(bench.broker.enqueue(&request).await.unwrap(), first);
    assert!(
        consumer.claim(9).await.is_empty(),
        "the run was stored again"
    );
}

/// A repeated claim returns the same runs in the same attempt, and no others.
pub async fn of_a_claim_returns_the_same_runs(bench: Bench) {
    bench.queue((0..4).map(|_| named("a"))).await;
    let mut consumer = bench.consumer();
    let request = consumer.next_claim(2);
    let first = consumer.send(&request).await.unwrap().leases;
    let again = consumer.send(&request).await.unwrap().leases;
    let tokens = |leases: &[aqueduct_broker_api::Lease]| -> Vec<_> {
        leases
            .iter()
            .map(aqueduct_broker_api::Lease::token)
            .collect()
    };
    assert_eq!(tokens(&first), tokens(&again));
    assert_eq!(bench.lengths().await.running, 2);
}

/// A repeated settlement is applied once and answered twice.
pub async fn of_a_settlement_answers_the_same(bench: Bench) {
    bench.queue_one("a").await;
    let mut consumer = bench.consumer();
    let lease = consumer.claim_one().await;
    let request = consumer.next_settle(vec![lease.settle(succeed())]);
    for _ in 0..3 {
        let settled = bench.broker.settle(&request).await.unwrap();
        assert_eq!(settled, [Settled::Applied(RunState::Succeeded)]);
    }
}

/// A repeated fused claim neither settles nor claims a second time.
pub async fn of_a_fused_claim_does_neither_twice(bench: Bench) {
    bench.queue([named("a"), named("b"), named("c")]).await;
    let mut consumer = bench.consumer();
    let lease = consumer.claim_one().await;
    let request = consumer
        .next_claim(1)
        .settling(vec![lease.settle(succeed())]);
    for _ in 0..3 {
        let claimed = consumer.send(&request).await.unwrap();
        assert_eq!(claimed.settled, [Settled::Applied(RunState::Succeeded)]);
        assert_eq!(names(&claimed.leases), ["b"]);
    }
    assert_eq!(
        (bench.lengths().await.running, bench.lengths().await.queued),
        (1, 1)
    );
}

/// A request that is older than the window is refused, not done again.
pub async fn outside_the_window_is_refused(bench: Bench) {
    let mut consumer = bench.consumer();
    let old = consumer.next_claim(9);
    consumer.send(&old).await.unwrap();
    for _ in 0..REPLAY_WINDOW {
        consumer.claim(1).await;
    }
    bench.queue_one("a").await;
    let error = consumer.send(&old).await.unwrap_err();
    assert_eq!(error.kind(), BrokerErrorKind::Stale);
    assert_eq!(bench.lengths().await.queued, 1);
}

/// Requests that overtake each other are each done, once.
pub async fn out_of_order_is_accepted(bench: Bench) {
    bench.queue([named("a"), named("b")]).await;
    let mut consumer = bench.consumer();
    let (first, second) = (consumer.next_claim(1), consumer.next_claim(1));
    assert_eq!(names(&consumer.send(&second).await.unwrap().leases), ["a"]);
    assert_eq!(names(&consumer.send(&first).await.unwrap().leases), ["b"]);
    assert_eq!(names(&consumer.send(&second).await.unwrap().leases), ["a"]);
    assert_eq!(names(&consumer.send(&first).await.unwrap().leases), ["b"]);
}
