//! Ending runs from outside.

use aqueduct_broker_api::{BrokerAdmin, CancelAnswer, Settled, Settlement};
use aqueduct_core::run::Reason;
use aqueduct_core::{RunId, RunState};

use crate::fixture::{Bench, PAST_LEASE, START, fail, retry};

async fn cancel(bench: &Bench, id: RunId) -> CancelAnswer {
    bench
        .admin()
        .cancel(&[id], Reason::new("enough"))
        .await
        .unwrap()
        .remove(0)
}

/// A run that waits is cancelled at once, with its reason kept, and never starts.
pub async fn a_waiting_run_ends_at_once(bench: Bench) {
    let id = bench.queue_one("a").await;
    assert_eq!(cancel(&bench, id).await, CancelAnswer::Cancelled);
    let run = bench.find(id).await.expect("the cancelled run is kept");
    assert_eq!(run.state, RunState::Cancelled);
    assert_eq!(run.record.unwrap().reason, Some(Reason::new("enough")));
    assert!(bench.consumer().claim(9).await.is_empty());
    assert_eq!(bench.lengths().await.unfinished(), 0);
}

/// The consumer of a running run is told with each beat and claim, until it settles.
pub async fn a_running_run_is_told(bench: Bench) {
    let id = bench.queue_one("a").await;
    let mut consumer = bench.consumer();
    let lease = consumer.claim_one().await;
    assert_eq!(cancel(&bench, id).await, CancelAnswer::Requested);
    for _ in 0..2 {
        let told = consumer.extend(vec![lease.token()]).await.cancels;
        assert_eq!(told.iter().map(|it| it.run).collect::<Vec<_>>(), [id]);
    }
    let request = consumer.next_claim(1);
    assert_eq!(consumer.send(&request).await.unwrap().cancels.len(), 1);
    let settlement = Settlement::Cancel {
        reason: Reason::new("enough"),
    };
    assert_eq!(
        consumer.settle(lease, settlement).await,
        Settled::Applied(RunState::Cancelled)
    );
    assert!(consumer.extend(Vec::new()).await.cancels.is_empty());
}

/// A run that has ended stays as it is; one that nobody knows is unknown.
pub async fn an_ended_run_stays(bench: Bench) {
    let id = bench.queue_one("a").await;
    let mut consumer = bench.consumer();
    let lease = consumer.claim_one().await;
    consumer.settle(lease, fail()).await;
    assert_eq!(
        cancel(&bench, id).await,
        CancelAnswer::AlreadyEnded(RunState::Failed)
    );
    assert_eq!(
        cancel(&bench, RunId::generate(START)).await,
        CancelAnswer::Unknown
    );
}

/// A run whose end was asked for never starts again: not by a retry, not after a crash.
pub async fn a_request_outlives_the_attempt(bench: Bench) {
    let (retried, crashed) = (bench.queue_one("a").await, bench.queue_one("b").await);
    let (mut consumer, mut dying) = (bench.consumer(), bench.consumer());
    let lease = consumer.claim_one().await;
    let _lost = dying.claim_one().await;
    bench.beat().await;
    for id in [retried, crashed] {
        assert_eq!(cancel(&bench, id).await, CancelAnswer::Requested);
    }
    let settled = consumer
        .settle(lease, retry(std::time::Duration::ZERO))
        .await;
    assert_eq!(settled, Settled::Applied(RunState::Cancelled));
    bench.advance_in_beats(PAST_LEASE).await;
    assert_eq!(bench.state(crashed).await, Some(RunState::Cancelled));
    assert!(consumer.claim(9).await.is_empty());
}
